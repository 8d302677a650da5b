import { Controller, Delete, Get, HttpCode, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { NotFoundError } from '@soko/common';
import { type Caller, ForbiddenError, Me, PhoneCodeView, Requires, StaffPhoneService, StaffPhoneView } from '@soko/identity';
import { Id } from './input.pipe.js';
import { Fails } from './openapi/decorators.js';
import { SAMPLE_ID } from './openapi/examples.js';

/** The phones from which people of the team work. */
@ApiTags('Identity')
@Controller('api/users')
@Requires('member')
export class StaffPhonesController {
  constructor(private readonly phones: StaffPhoneService) {}

  /** A code for one's own phone. Written to the shop's number within ten minutes it links the phone that it comes from. */
  @Post('me/phone-code')
  makeCode(@Me() me: Caller): Promise<PhoneCodeView> {
    return this.phones.makeCode(me);
  }

  /** One's own phone, or as the owner anybody's. */
  @Get(':id/phone')
  @Fails(new ForbiddenError('owner', 'user'), new NotFoundError('phone', SAMPLE_ID))
  get(@Me() me: Caller, @Id() id: string): Promise<StaffPhoneView> {
    return this.phones.get(me, id);
  }

  /** Whoever has that phone is a customer from now on. */
  @Delete(':id/phone')
  @HttpCode(204)
  @Fails(new ForbiddenError('owner', 'user'), new NotFoundError('phone', SAMPLE_ID))
  unlink(@Me() me: Caller, @Id() id: string): Promise<void> {
    return this.phones.unlink(me, id);
  }
}
