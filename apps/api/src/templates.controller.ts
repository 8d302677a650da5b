import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { type Page, PageQuery } from '@soko/common';
import { type Caller, Me, Requires } from '@soko/identity';
import { TemplateService, TemplateView } from '@soko/templates';

@ApiTags('Templates')
@ApiBearerAuth()
@Controller('api/templates')
export class TemplatesController {
  constructor(private readonly templates: TemplateService) {}

  @Get()
  @Requires('templates:read')
  list(@Me() { merchantId }: Caller, @Query() query: PageQuery): Promise<Page<TemplateView>> {
    return this.templates.list(merchantId, query);
  }
}
