import { Body, Controller, Get, HttpCode, Post, Put, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Page } from '@soko/common';
import { type Caller, Me, Requires } from '@soko/identity';
import {
  METHOD_NAMES,
  type MethodName,
  PaymentMethodService,
  PaymentMethodView,
  PaymentQuery,
  PaymentService,
  PaymentView,
  RefundBody,
  RefundService,
  TooMuchError,
  UpdatePaymentMethodBody,
} from '@soko/payments';
import { Id, OneOf } from './input.pipe.js';
import { Fails, Paged } from './openapi/decorators.js';

@ApiTags('Payments')
@Controller('api/payments')
export class PaymentsController {
  constructor(
    private readonly payments: PaymentService,
    private readonly refunds: RefundService,
  ) {}

  /** Newest first. */
  @Get()
  @Requires('payments:read')
  @Paged(PaymentView)
  list(@Me() { merchantId }: Caller, @Query() query: PaymentQuery): Promise<Page<PaymentView>> {
    return this.payments.list(merchantId, query);
  }

  /** Gives money back: Stripe is asked to; of anything else it is written down that a person has. */
  @Post(':id/refunds')
  @HttpCode(200)
  @Requires('payments:write')
  @Fails(new TooMuchError({ amount: 1250, currency: 'USD' }))
  refund(@Me() { merchantId }: Caller, @Id() id: string, @Body() body: RefundBody): Promise<PaymentView> {
    return this.refunds.refund(merchantId, id, body);
  }
}

/** How customers may pay. */
@ApiTags('Payments')
@Controller('api/payment-methods')
export class PaymentMethodsController {
  constructor(private readonly methods: PaymentMethodService) {}

  @Get()
  @Requires('payments:read')
  list(@Me() { merchantId }: Caller): Promise<PaymentMethodView[]> {
    return this.methods.list(merchantId);
  }

  /** Sets a method up, or turns it on or off. Secrets are kept encrypted and shown by their ends. */
  @Put(':name')
  @Requires('owner')
  update(
    @Me() { merchantId }: Caller,
    @OneOf('name', 'payment_method', METHOD_NAMES) name: MethodName,
    @Body() body: UpdatePaymentMethodBody,
  ): Promise<PaymentMethodView> {
    return this.methods.update(merchantId, name, body);
  }
}
