import { Body, Controller, Get, Patch, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import {
  type Caller,
  InboundSecretService,
  Me,
  MerchantProfileView,
  MerchantService,
  NewInboundSecretView,
  Requires,
  UpdateMerchantBody,
} from '@soko/identity';

@ApiTags('Identity')
@Controller('api/merchant')
export class MerchantController {
  constructor(
    private readonly merchants: MerchantService,
    private readonly secrets: InboundSecretService,
  ) {}

  /** The merchant's profile, opening hours, plan and limits. */
  @Get()
  @Requires('member')
  async get(@Me() { merchantId }: Caller): Promise<MerchantProfileView> {
    const [profile, inboundSecret] = await Promise.all([this.merchants.profile(merchantId), this.secrets.status(merchantId)]);
    return { ...profile, ...(inboundSecret ? { inboundSecret } : {}) };
  }

  /**
   * Makes the secret that the merchant’s own systems sign their calls to `POST /webhooks/bot` with. It is shown this once; the one before counts
   * for 24 h more.
   */
  @Post('inbound-secret')
  @Requires('owner')
  newInboundSecret(@Me() { merchantId }: Caller): Promise<NewInboundSecretView> {
    return this.secrets.rotate(merchantId);
  }

  @Patch()
  @Requires('owner')
  update(@Me() { merchantId }: Caller, @Body() body: UpdateMerchantBody): Promise<MerchantProfileView> {
    return this.merchants.update(merchantId, body);
  }
}
