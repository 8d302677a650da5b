import { Injectable } from '@nestjs/common';
import { NotFoundError } from '@soko/common';
import { SystemDb } from '@soko/database';
import { ChannelService, type CloudSecrets } from '@soko/messaging';
import { InboundQueue } from '../inbound/inbound.queue.js';
import { HUB_SIGNATURE, isSameText, isSignedBy } from '../inbound/signature.js';
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

/** Meta's calls: https://developers.facebook.com/docs/graph-api/webhooks/getting-started */
@Injectable()
export class CloudWebhookService {
  private readonly known = new Map<string, Known>();

  constructor(
    private readonly system: SystemDb,
    private readonly channels: ChannelService,
    private readonly queue: InboundQueue,
  ) {}

  /**
   * Meta asks whether this address wants its webhooks. @returns what it wants to hear.
   * @throws NotFoundError, HandshakeError
   */
  async challenge(channelId: string, asked: { mode: unknown; token: unknown; challenge: unknown }): Promise<string> {
    const { secrets } = await this.find(channelId, 0);
    const { mode, token, challenge } = asked;
    const right = typeof token === 'string' && isSameText(token, secrets.verifyToken);
    if (mode !== 'subscribe' || !right || typeof challenge !== 'string') throw new HandshakeError();
    return challenge;
  }

  /**
   * Keeps what Meta has sent; it is read later. Once this returns, Meta may be told that we have it.
   * @param body the very bytes that were signed. @throws NotFoundError, BadSignatureError
   */
  async receive(channelId: string, body: Buffer, signature: string | undefined): Promise<void> {
    let found = await this.find(channelId, KEPT_MS);
    if (!isSignedBy(found.secrets.appSecret, body, signature, HUB_SIGNATURE)) {
      found = await this.find(channelId, LOOK_AGAIN_MS);
      if (!isSignedBy(found.secrets.appSecret, body, signature, HUB_SIGNATURE)) throw new BadSignatureError();
    }
    await this.queue.put(found.merchantId, channelId, body.toString());
  }

  /** The cloud channel with this id, as it was at most `maxAge` ms ago. */
  private async find(channelId: string, maxAge: number): Promise<Known> {
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
