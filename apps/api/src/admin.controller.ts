import { Body, Controller, Delete, Get, HttpCode, Patch, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { NotFoundError, type Page } from '@soko/common';
import {
  AdminApiKeyView,
  AdminKeyQuery,
  AdminMerchantQuery,
  ApiKeyService,
  ChangePlanBody,
  MerchantProfileView,
  MerchantService,
  Requires,
} from '@soko/identity';
import { JobView, QueueInspector, QueueView } from '@soko/queues';
import { BreakerService, BreakerView } from '@soko/whatsapp';
import { Id, Name } from './input.pipe.js';
import { Fails, Paged } from './openapi/decorators.js';

/** What the platform's own team sees and does, across merchants. */
@ApiTags('Ops')
@Controller('api/admin')
@Requires('ops')
export class AdminController {
  constructor(
    private readonly merchants: MerchantService,
    private readonly keys: ApiKeyService,
    private readonly queues: QueueInspector,
    private readonly breakers: BreakerService,
  ) {}

  @Get('merchants')
  @Paged(MerchantProfileView)
  listMerchants(@Query() query: AdminMerchantQuery): Promise<Page<MerchantProfileView>> {
    return this.merchants.list(query);
  }

  /** Changes a merchant's plan, and with it its rate limits. */
  @Patch('merchants/:id')
  changePlan(@Id() id: string, @Body() body: ChangePlanBody): Promise<MerchantProfileView> {
    return this.merchants.setPlan(id, body.plan);
  }

  /** API keys of all merchants, or of one. */
  @Get('api-keys')
  @Paged(AdminApiKeyView)
  listKeys(@Query() query: AdminKeyQuery): Promise<Page<AdminApiKeyView>> {
    return this.keys.listAll(query);
  }

  /** Revokes any merchant's key: its next call is refused. */
  @Delete('api-keys/:id')
  @HttpCode(204)
  revokeKey(@Id() id: string): Promise<void> {
    return this.keys.revokeAny(id);
  }

  /** How much waits, runs and has failed in each queue. */
  @Get('queues')
  listQueues(): Promise<QueueView[]> {
    return this.queues.list();
  }

  @Get('jobs/:queue/:id')
  @Fails(new NotFoundError('queue', 'message_sending-9'))
  job(@Name('queue') queue: string, @Name('id') id: string): Promise<JobView> {
    return this.queues.job(queue, id);
  }

  /** Whether what lies outside is called, or left alone because it failed too often. */
  @Get('breakers')
  listBreakers(): Promise<BreakerView[]> {
    return this.breakers.list();
  }
}
