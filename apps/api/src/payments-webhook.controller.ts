import { Controller, HttpCode, Post, Req } from '@nestjs/common';
import { ApiBody, ApiTags } from '@nestjs/swagger';
import { NotFoundError } from '@soko/common';
import { Requires } from '@soko/identity';
import { BadNoticeError, NoticeService, type ProviderName, PROVIDERS } from '@soko/payments';
import type { FastifyRequest } from 'fastify';
import { RawBody } from './http/raw-body.js';
import { Id, OneOf } from './input.pipe.js';
import { Fails } from './openapi/decorators.js';
import { CountsAs } from './rate-limit.guard.js';

const BODY_LIMIT = 256 * 1024;

/** Where providers tell what became of a payment. The merchant's secret for the provider proves who calls. */
@ApiTags('Webhooks')
@Controller('webhooks/payments')
@Requires('public')
export class PaymentsWebhookController {
  constructor(private readonly notices: NoticeService) {}

  /** Signed as the provider signs: `Stripe-Signature`, or Standard Webhooks. 200 means that it is kept, also where it is about nothing of ours. */
  @Post(':provider/:merchantId')
  @HttpCode(200)
  // Few addresses of a provider call for all merchants.
  @CountsAs('nothing')
  @RawBody(BODY_LIMIT)
  @ApiBody({ schema: { type: 'object', example: { type: 'payment.succeeded', data: {} } } })
  @Fails(new NotFoundError('payment_method', 'stripe'), new BadNoticeError())
  receive(
    @OneOf('provider', 'payment_method', PROVIDERS) provider: ProviderName,
    @Id('merchantId') merchantId: string,
    @Req() { body, headers }: FastifyRequest,
  ): Promise<void> {
    return this.notices.receive(merchantId, provider, { body: Buffer.isBuffer(body) ? body : Buffer.alloc(0), headers });
  }
}
