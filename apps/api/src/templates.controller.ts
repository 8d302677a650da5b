import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Page, PageQuery } from '@soko/common';
import { type Caller, Me, Requires } from '@soko/identity';
import { TemplateService, TemplateView } from '@soko/templates';
import { Paged } from './openapi/decorators.js';

@ApiTags('Templates')
@Controller('api/templates')
export class TemplatesController {
  constructor(private readonly templates: TemplateService) {}

  @Get()
  @Requires('templates:read')
  @Paged(TemplateView)
  list(@Me() { merchantId }: Caller, @Query() query: PageQuery): Promise<Page<TemplateView>> {
    return this.templates.list(merchantId, query);
  }
}
