import { Body, Controller, Get, Patch, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Page } from '@soko/common';
import { type Caller, Me, Requires } from '@soko/identity';
import {
  ContactDetailView,
  ContactQuery,
  ContactService,
  ContactView,
  OptInRefusedError,
  UpdateContactBody,
} from '@soko/messaging';
import { Id } from './input.pipe.js';
import { Fails, Paged } from './openapi/decorators.js';

@ApiTags('Contacts')
@Controller('api/contacts')
export class ContactsController {
  constructor(private readonly contacts: ContactService) {}

  /** Newest first. */
  @Get()
  @Requires('messages:read')
  @Paged(ContactView)
  list(@Me() { merchantId }: Caller, @Query() query: ContactQuery): Promise<Page<ContactView>> {
    return this.contacts.list(merchantId, query);
  }

  /** With the chats that there are with the customer. */
  @Get(':id')
  @Requires('messages:read')
  get(@Me() { merchantId }: Caller, @Id() id: string): Promise<ContactDetailView> {
    return this.contacts.get(merchantId, id);
  }

  /** Gives the customer a name of the merchant's own or tags, notes that they agreed to marketing, or blocks or unblocks them. */
  @Patch(':id')
  @Requires('messages:write')
  @Fails(new OptInRefusedError())
  update(@Me() { merchantId }: Caller, @Id() id: string, @Body() body: UpdateContactBody): Promise<ContactDetailView> {
    return this.contacts.update(merchantId, id, body);
  }
}
