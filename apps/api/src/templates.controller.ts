import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { NotFoundError, type Page, PageQuery, ValidationError } from '@soko/common';
import { type Caller, Me, Requires } from '@soko/identity';
import {
  CreateTemplateBody,
  PreviewBody,
  RollbackBody,
  SavedTemplateView,
  TemplateChangedError,
  TemplateDiffView,
  TemplateExistsError,
  TemplateHistoryService,
  TemplateNotFoundError,
  TemplateQuery,
  TemplateService,
  TemplateVersionNotFoundError,
  TemplateVersionView,
  TemplateView,
  UpdateTemplateBody,
  VersionDiffQuery,
} from '@soko/templates';
import { CloudTemplateSync, NoBusinessAccountError } from '@soko/whatsapp';
import { OutsideUnits } from './idempotency.interceptor.js';
import { Id } from './input.pipe.js';
import { Fails, Paged } from './openapi/decorators.js';
import { SAMPLE_ID } from './openapi/examples.js';
import { TemplatePreviewService } from './template-preview.service.js';
import { TemplatePreviewView, TemplateSyncView } from './templates.dto.js';

const TOO_LONG = new ValidationError([
  {
    path: 'content.footer',
    code: 'tooLong',
    message: 'footer is 74 characters long; WhatsApp allows 60: shorten the text or the values in it',
  },
]);
const EXISTS = new TemplateExistsError('order_ready', 'en');
const NO_FILE = new NotFoundError('media', SAMPLE_ID);

@ApiTags('Templates')
@Controller('api/templates')
export class TemplatesController {
  constructor(
    private readonly templates: TemplateService,
    private readonly history: TemplateHistoryService,
    private readonly previews: TemplatePreviewService,
    private readonly atMeta: CloudTemplateSync,
  ) {}

  @Get()
  @Requires('templates:read')
  @Paged(TemplateView)
  list(@Me() { merchantId }: Caller, @Query() query: TemplateQuery): Promise<Page<TemplateView>> {
    return this.templates.list(merchantId, query);
  }

  /** A new template, or one more language of a name that there is. WhatsApp's limits are checked with the examples and the defaults of its variables. */
  @Post()
  @Requires('templates:write')
  @Fails(EXISTS, NO_FILE, TOO_LONG)
  create(@Me() { merchantId }: Caller, @Body() body: CreateTemplateBody): Promise<SavedTemplateView> {
    return this.templates.create(merchantId, body);
  }

  /** The text with values in it, and what each kind of channel would carry. Nothing is sent or stored. */
  @Post('preview')
  @HttpCode(200)
  @Requires('templates:read')
  @Fails(new NotFoundError('template', SAMPLE_ID), new TemplateNotFoundError('order_ready', ['en', 'fr']), TOO_LONG)
  preview(@Me() { merchantId }: Caller, @Body() body: PreviewBody): Promise<TemplatePreviewView> {
    return this.previews.preview(merchantId, body);
  }

  /** Asks Meta how the counterparts stand. What is paused, disabled or gone there is not used any more, and an event tells it. Idempotency keys mean nothing here. */
  @Post('sync')
  @HttpCode(200)
  @OutsideUnits()
  @Requires('templates:write')
  @Fails(new NoBusinessAccountError())
  sync(@Me() { merchantId }: Caller): Promise<TemplateSyncView> {
    return this.atMeta.run(merchantId);
  }

  @Get(':id')
  @Requires('templates:read')
  get(@Me() { merchantId }: Caller, @Id() id: string): Promise<TemplateView> {
    return this.templates.get(merchantId, id);
  }

  /** Changes what is given, which makes a version; what leaves it as it was makes none. */
  @Patch(':id')
  @Requires('templates:write')
  @Fails(EXISTS, new TemplateChangedError(3), NO_FILE, TOO_LONG)
  update(@Me() { merchantId }: Caller, @Id() id: string, @Body() body: UpdateTemplateBody): Promise<SavedTemplateView> {
    return this.templates.update(merchantId, id, body);
  }

  /** Its versions stay, for the messages that were made of them. */
  @Delete(':id')
  @HttpCode(204)
  @Requires('templates:write')
  remove(@Me() { merchantId }: Caller, @Id() id: string): Promise<void> {
    return this.templates.remove(merchantId, id);
  }

  /** Every state that it was in, newest first: by whom, why, and what was changed. */
  @Get(':id/versions')
  @Requires('templates:read')
  @Paged(TemplateVersionView)
  versions(@Me() { merchantId }: Caller, @Id() id: string, @Query() query: PageQuery): Promise<Page<TemplateVersionView>> {
    return this.history.list(merchantId, id, query);
  }

  /** What is different between two versions. */
  @Get(':id/versions/diff')
  @Requires('templates:read')
  @Fails(new TemplateVersionNotFoundError(7))
  diff(@Me() { merchantId }: Caller, @Id() id: string, @Query() query: VersionDiffQuery): Promise<TemplateDiffView> {
    return this.history.diff(merchantId, id, query);
  }

  /** Makes it as it was in an earlier version: that is a new version. */
  @Post(':id/rollback')
  @HttpCode(200)
  @Requires('templates:write')
  @Fails(new TemplateVersionNotFoundError(7), EXISTS, NO_FILE, TOO_LONG)
  rollback(@Me() { merchantId }: Caller, @Id() id: string, @Body() body: RollbackBody): Promise<SavedTemplateView> {
    return this.history.rollback(merchantId, id, body);
  }
}
