import { Body, Controller, Get, Patch } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Caller, Me, MerchantProfileView, MerchantService, Requires, UpdateMerchantBody } from '@soko/identity';

@ApiTags('Identity')
@Controller('api/merchant')
export class MerchantController {
  constructor(private readonly merchants: MerchantService) {}

  /** The merchant's profile, opening hours, plan and limits. */
  @Get()
  @Requires('member')
  get(@Me() { merchantId }: Caller): Promise<MerchantProfileView> {
    return this.merchants.profile(merchantId);
  }

  @Patch()
  @Requires('owner')
  update(@Me() { merchantId }: Caller, @Body() body: UpdateMerchantBody): Promise<MerchantProfileView> {
    return this.merchants.update(merchantId, body);
  }
}
