import { Body, Controller, Delete, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Page, PageQuery } from '@soko/common';
import {
  ApiKeyService,
  ApiKeyView,
  type Caller,
  CreateApiKeyBody,
  CreatedApiKeyView,
  Me,
  MyPerson,
  type Person,
  Requires,
} from '@soko/identity';
import { Id } from './input.pipe.js';
import { Paged } from './openapi/decorators.js';

@ApiTags('Identity')
@Controller('api/api-keys')
@Requires('owner')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeyService) {}

  @Get()
  @Paged(ApiKeyView)
  list(@Me() { merchantId }: Caller, @Query() query: PageQuery): Promise<Page<ApiKeyView>> {
    return this.keys.list(merchantId, query);
  }

  /** A key for a system. The answer shows it this once. */
  @Post()
  create(@MyPerson() person: Person, @Body() body: CreateApiKeyBody): Promise<CreatedApiKeyView> {
    return this.keys.create(person, body);
  }

  /** Revokes a key: its next call is refused. */
  @Delete(':id')
  @HttpCode(204)
  revoke(@Me() { merchantId }: Caller, @Id() id: string): Promise<void> {
    return this.keys.revoke(merchantId, id);
  }
}
