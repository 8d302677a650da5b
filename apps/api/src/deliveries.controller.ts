import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { type Page, PageQuery } from '@soko/common';
import { DeliveryService, DeliveryView } from '@soko/deliveries';
import { type Caller, Me, Requires } from '@soko/identity';

@ApiTags('Deliveries')
@ApiBearerAuth()
@Controller('api/deliveries')
export class DeliveriesController {
  constructor(private readonly deliveries: DeliveryService) {}

  /** Newest first. */
  @Get()
  @Requires('deliveries:read')
  list(@Me() { merchantId }: Caller, @Query() query: PageQuery): Promise<Page<DeliveryView>> {
    return this.deliveries.list(merchantId, query);
  }
}
