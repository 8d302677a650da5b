import { Controller, HttpCode, Post, Res } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiTags } from '@nestjs/swagger';
import { NotFoundError } from '@soko/common';
import { Requires } from '@soko/identity';
import { Proof, VerifiedBy } from '@soko/inbound';
import type { FastifyReply } from 'fastify';
import { RawBody } from '../http/raw-body.js';
import { InProgressError, KeyReusedError } from '../once-per-key.js';
import { Fails } from '../openapi/decorators.js';
import { CountsAs } from '../rate-limit.guard.js';
import { BotIntake } from './bot-intake.js';
import { BotAnswerView } from './bot-webhook.dto.js';
import { type BotCall, BotVerifier, InboundSignatureError } from './bot.verifier.js';

const BODY_LIMIT = 256 * 1024;
const signed = (name: string, description: string, example: string) =>
  ApiHeader({ name, required: true, description, schema: { type: 'string', maxLength: 1_000, example } });

/** Where a merchant's own systems tell what to do. */
@ApiTags('Webhooks')
@Controller('webhooks/bot')
@Requires('public')
export class BotWebhookController {
  constructor(private readonly intake: BotIntake) {}

  /**
   * Signed by Standard Webhooks with the merchant’s inbound secret (`POST /api/merchant/inbound-secret`). `event_type` is one of `message.send`,
   * `order.transition`, `stock.adjust` and `contact.update`; each payload is the body of the same call by REST. The same `webhook-id` again is given
   * the first answer, and nothing is done twice. Counts as a request of the merchant.
   */
  @Post()
  @HttpCode(200)
  // Strangers are not counted by address: a partner calls for many merchants. Whoever has signed is, by merchant.
  @CountsAs('nothing')
  @RawBody(BODY_LIMIT)
  @VerifiedBy(BotVerifier)
  @signed('webhook-id', 'The same on every try.', 'msg_2KWPBgLlAfxdpx2AI54pPJ85f4W')
  @signed('webhook-timestamp', 'Of this try, in seconds; five minutes off at most.', '1780000000')
  @signed('webhook-signature', 'HMAC-SHA256 of id, timestamp and body.', 'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=')
  @ApiBody({
    schema: {
      type: 'object',
      example: {
        event_type: 'stock.adjust',
        payload: { sku: 'MAIZE-10', delta: 12, reason: 'New delivery' },
        merchant_id: '01990000-0000-7000-8000-000000000001',
      },
    },
  })
  @Fails(new InboundSignatureError(), new InProgressError(7), new KeyReusedError(), new NotFoundError('product', 'MAIZE-10'))
  receive(@Proof() call: BotCall, @Res({ passthrough: true }) reply: FastifyReply): Promise<BotAnswerView> {
    return this.intake.receive(call, reply);
  }
}
