import { Injectable } from '@nestjs/common';
import { NotFoundError } from '@soko/common';
import { SystemDb } from '@soko/database';
import { headerIn, HUB_SIGNATURE, idIn, type InboundCall, type InboundVerifier, isSameText, isSignedBy } from '@soko/inbound';
import { ChannelService, type CloudSecrets } from '@soko/messaging';
import { InboundQueue } from '../inbound/inbound.queue.js';
import { BadSignatureError, HandshakeError } from '../whatsapp.errors.js';

/** A changed secret is believed at once, an old one for so long. */
const KEPT_MS = 10_000;
/** How often a wrong signature makes us look whether the secret has changed. */
const LOOK_AGAIN_MS = 1_000;
const MOST = 10_000;

interface Known {
  merchantId: string;
  secrets: CloudSecrets;
  at: number;
}

/** A delivery that Meta has signed. */
export interface CloudCall {
  merchantId: string;
  channelId: string;
  body: string;
}

/** Meta's calls: https://developers.facebook.com/docs/graph-api/webhooks/getting-started */
@Injectable()
export class CloudWebhookService implements InboundVerifier<CloudCall> {
  private readonly known = new Map<string, Known>();

  constructor(
    private readonly system: SystemDb,
    private readonly channels: ChannelService,
    private readonly queue: InboundQueue,
  ) {}

  /** Signed with the app secret of the channel. @throws NotFoundError, BadSignatureError */
  async verify(call: InboundCall): Promise<CloudCall> {
    const channelId = idIn(call, 'channelId');
    const isRight = ({ secrets }: Known): boolean =>
      isSignedBy(secrets.appSecret, call.body, headerIn(call, 'x-hub-signature-256'), HUB_SIGNATURE);
    let found = await this.find(channelId, KEPT_MS);
    if (!isRight(found)) {
      found = await this.find(channelId, LOOK_AGAIN_MS);
      if (!isRight(found)) throw new BadSignatureError();
    }
    return { merchantId: found.merchantId, channelId, body: call.body.toString() };
  }

  /** Keeps what Meta has sent; it is read later. Once this returns, Meta may be told that we have it. */
  async keep({ merchantId, channelId, body }: CloudCall): Promise<void> {
    await this.queue.put(merchantId, channelId, body);
  }

  /** The cloud channel with this id, as it was at most `maxAge` ms ago. */
  async find(channelId: string, maxAge: number): Promise<Known> {
    const known = this.known.get(channelId);
    if (known && performance.now() - known.at < maxAge) return known;
    this.known.delete(channelId);
    const [row] = await this.system.query<{ merchant_id: string }>(
      `SELECT merchant_id FROM channels WHERE id = $1 AND kind = 'cloud' AND deleted_at IS NULL`,
      [channelId],
    );
    if (!row) throw new NotFoundError('channel', channelId);
    const secrets = await this.channels.secrets(row.merchant_id, channelId);
    const found = { merchantId: row.merchant_id, secrets, at: performance.now() };
    if (this.known.size >= MOST) this.known.clear();
    this.known.set(channelId, found);
    return found;
  }
}

/** Meta asks whether this address wants its webhooks. What is found is what Meta wants to hear. */
@Injectable()
export class CloudHandshake implements InboundVerifier<string> {
  constructor(private readonly webhooks: CloudWebhookService) {}

  /** @throws NotFoundError, HandshakeError */
  async verify(call: InboundCall): Promise<string> {
    const { secrets } = await this.webhooks.find(idIn(call, 'channelId'), 0);
    const { 'hub.mode': mode, 'hub.verify_token': token, 'hub.challenge': challenge } = call.query;
    const right = typeof token === 'string' && isSameText(token, secrets.verifyToken);
    if (mode !== 'subscribe' || !right || typeof challenge !== 'string') throw new HandshakeError();
    return challenge;
  }
}
