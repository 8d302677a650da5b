import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { AuditEntryView, AuditQuery, AuditService } from '@soko/audit';
import { type Page } from '@soko/common';
import { type Caller, Me, Requires } from '@soko/identity';
import { Paged } from './openapi/decorators.js';

@ApiTags('Audit')
@Controller('api/audit')
export class AuditController {
  constructor(private readonly audit: AuditService) {}

  /** Who changed what, newest first. */
  @Get()
  @Requires('audit:read')
  @Paged(AuditEntryView)
  list(@Me() { merchantId }: Caller, @Query() query: AuditQuery): Promise<Page<AuditEntryView>> {
    return this.audit.list(merchantId, query);
  }
}
