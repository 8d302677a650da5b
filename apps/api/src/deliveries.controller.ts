import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Page, PageQuery } from '@soko/common';
import { DeliveryService, DeliveryView } from '@soko/deliveries';
import { type Caller, Me, Requires } from '@soko/identity';
import { Paged } from './openapi/decorators.js';

@ApiTags('Deliveries')
@Controller('api/deliveries')
export class DeliveriesController {
  constructor(private readonly deliveries: DeliveryService) {}

  /** Newest first. */
  @Get()
  @Requires('deliveries:read')
  @Paged(DeliveryView)
  list(@Me() { merchantId }: Caller, @Query() query: PageQuery): Promise<Page<DeliveryView>> {
    return this.deliveries.list(merchantId, query);
  }
}
