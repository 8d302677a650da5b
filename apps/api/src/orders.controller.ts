import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { NotFoundError, type Page } from '@soko/common';
import { SAMPLE_ID } from './openapi/examples.js';
import { type Caller, Me, Requires } from '@soko/identity';
import {
  InvalidTransitionError,
  OrderEndedError,
  OrderPaymentService,
  OrderQuery,
  OrderService,
  OrderSummaryView,
  OrderView,
  PlacedOrderView,
  PlaceOrderBody,
  TransitionBody,
  UnknownProductError,
} from '@soko/orders';
import { Id } from './input.pipe.js';
import { Fails, Paged } from './openapi/decorators.js';
import { AddPaymentBody, LinkOpenError, PaymentMethodUnavailableError, PaymentView, TooMuchError } from '@soko/payments';

@ApiTags('Orders')
@Controller('api/orders')
export class OrdersController {
  constructor(
    private readonly orders: OrderService,
    private readonly money: OrderPaymentService,
  ) {}

  /**
   * Takes an order in. A job then reserves its stock, and confirms or rejects it; one that is to be paid first is confirmed once its money
   * is there, and its goods are kept for it for half an hour.
   */
  @Post()
  @HttpCode(202)
  @Requires('orders:write')
  @Fails(
    new NotFoundError('channel', SAMPLE_ID),
    new UnknownProductError(0, SAMPLE_ID),
    new PaymentMethodUnavailableError('payment_link', ['cash_on_delivery']),
  )
  place(@Me() { merchantId, id }: Caller, @Body() body: PlaceOrderBody): Promise<PlacedOrderView> {
    return this.orders.placeFor(merchantId, body, id);
  }

  /** Newest first. */
  @Get()
  @Requires('orders:read')
  @Paged(OrderSummaryView)
  list(@Me() { merchantId }: Caller, @Query() query: OrderQuery): Promise<Page<OrderSummaryView>> {
    return this.orders.list(merchantId, query);
  }

  @Get(':id')
  @Requires('orders:read')
  get(@Me() { merchantId }: Caller, @Id() id: string): Promise<OrderView> {
    return this.orders.get(merchantId, id);
  }

  /** Moves the order on. 409 `invalid_transition` names what is allowed. */
  @Post(':id/transitions')
  @HttpCode(200)
  @Requires('orders:write')
  @Fails(new InvalidTransitionError('delivered', 'cancel'))
  act(@Me() me: Caller, @Id() id: string, @Body() body: TransitionBody): Promise<OrderView> {
    return this.orders.act(me.merchantId, id, body.action, me.id, body.reason);
  }

  /** Oldest first. */
  @Get(':id/payments')
  @Requires('payments:read')
  @Paged(PaymentView)
  payments(@Me() { merchantId }: Caller, @Id() id: string): Promise<Page<PaymentView>> {
    return this.money.list(merchantId, id);
  }

  /**
   * Writes down money that came in (`cash_on_delivery`, `transfer`), or asks for it by a `payment_link`, whose `url` is there a moment later and
   * is sent to the customer.
   */
  @Post(':id/payments')
  @Requires('payments:write')
  @Fails(
    new OrderEndedError('cancelled'),
    new TooMuchError({ amount: 1250, currency: 'USD' }),
    new LinkOpenError(),
    new PaymentMethodUnavailableError('payment_link', ['cash_on_delivery']),
  )
  pay(@Me() { merchantId }: Caller, @Id() id: string, @Body() body: AddPaymentBody): Promise<PaymentView> {
    return this.money.add(merchantId, id, body);
  }
}
