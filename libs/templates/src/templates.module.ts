import { Module } from '@nestjs/common';
import { CounterpartService } from './counterpart.service.js';
import { TemplateHistoryService } from './template-history.service.js';
import { TemplateRenderer } from './template-renderer.js';
import { TemplateService } from './template.service.js';
import { TemplateStore } from './template.store.js';

@Module({
  providers: [TemplateStore, TemplateService, TemplateHistoryService, TemplateRenderer, CounterpartService],
  exports: [TemplateService, TemplateHistoryService, TemplateRenderer, CounterpartService],
})
export class TemplatesModule {}
