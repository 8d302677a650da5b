import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { AppError, isUuid } from '@soko/common';
import { InboundSecretService } from '@soko/identity';
import { type InboundCall, type InboundVerifier, verifiedId } from '@soko/inbound';

/** A call that a merchant's own system has signed. */
export interface BotCall {
  merchantId: string;
  /** `webhook-id`: the same on every try. */
  id: string;
  /** The very bytes, for whoever must know whether two are the same. */
  raw: Buffer;
  body: unknown;
}

/** The same whatever is wrong, so that nobody learns which merchants there are. */
export class InboundSignatureError extends AppError {
  constructor() {
    super(
      401,
      'bad_signature',
      'webhook-signature does not sign this body with the inbound secret of merchant_id, or webhook-timestamp is more than five minutes off.',
    );
  }
}

/** Signed by Standard Webhooks with the inbound secret of the merchant that the body names. */
@Injectable()
export class BotVerifier implements InboundVerifier<BotCall> {
  /** Where there is no secret something is computed all the same. */
  private readonly nobodys = randomBytes(32).toString('base64');

  constructor(private readonly secrets: InboundSecretService) {}

  async verify(call: InboundCall): Promise<BotCall> {
    const body = parsed(call.body);
    const merchantId = body?.merchant_id;
    if (!isUuid(merchantId)) throw new InboundSignatureError();
    const secrets = await this.secrets.secrets(merchantId);
    const id = verifiedId(call, secrets.length > 0 ? secrets : [this.nobodys]);
    if (!id || secrets.length === 0) throw new InboundSignatureError();
    return { merchantId: merchantId.toLowerCase(), id, raw: call.body, body };
  }
}

/** Read before it is believed, to know whose secret is asked for. */
function parsed(body: Buffer): { merchant_id?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
