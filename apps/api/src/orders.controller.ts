import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { type Page } from '@soko/common';
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

@ApiTags('Orders')
@ApiBearerAuth()
@Controller('api/orders')
export class OrdersController {
  constructor(private readonly orders: OrderService) {}

  /** Takes an order in. A job then reserves its stock and confirms or rejects it. */
  @Post()
  @HttpCode(202)
  @Requires('orders:write')
  place(@Me() { merchantId, userId }: Caller, @Body() body: PlaceOrderBody): Promise<PlacedOrderView> {
    return this.orders.placeFor(merchantId, body, userId);
  }

  /** Newest first. */
  @Get()
  @Requires('orders:read')
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
  act(@Me() { merchantId, userId }: Caller, @Id() id: string, @Body() body: TransitionBody): Promise<OrderView> {
    return this.orders.act(merchantId, id, body.action, userId, body.reason);
  }
}
