import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { NotFoundError, type Page } from '@soko/common';
import { SAMPLE_ID } from './openapi/examples.js';
import { type Caller, Me, Requires } from '@soko/identity';
import {
  OrderQuery,
  OrderService,
  OrderSummaryView,
  OrderView,
  PlacedOrderView,
  PlaceOrderBody,
  TransitionBody,
} from '@soko/orders';
import { Id } from './input.pipe.js';
import { Fails, Paged } from './openapi/decorators.js';
import { InvalidTransitionError, UnknownProductError } from '@soko/orders';

@ApiTags('Orders')
@Controller('api/orders')
export class OrdersController {
  constructor(private readonly orders: OrderService) {}

  /** Takes an order in. A job then reserves its stock and confirms or rejects it. */
  @Post()
  @HttpCode(202)
  @Requires('orders:write')
  @Fails(new NotFoundError('channel', SAMPLE_ID), new UnknownProductError(0, SAMPLE_ID))
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
}
