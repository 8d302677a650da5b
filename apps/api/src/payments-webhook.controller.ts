import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBody, ApiTags } from '@nestjs/swagger';
import { NotFoundError } from '@soko/common';
import { Requires } from '@soko/identity';
import { Proof, VerifiedBy } from '@soko/inbound';
import { BadNoticeError, NoticeService, PROVIDERS, type SignedNotice } from '@soko/payments';
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
  @VerifiedBy(NoticeService)
  @ApiBody({ schema: { type: 'object', example: { type: 'payment.succeeded', data: {} } } })
  @Fails(new NotFoundError('payment_method', 'stripe'), new BadNoticeError())
  receive(
    @OneOf('provider', 'payment_method', PROVIDERS) _provider: string,
    @Id('merchantId') _merchantId: string,
    @Proof() notice: SignedNotice,
  ): Promise<void> {
    return this.notices.receive(notice);
  }
}
