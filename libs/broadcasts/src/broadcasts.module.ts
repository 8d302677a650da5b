import { Module } from '@nestjs/common';
import { MessagingModule } from '@soko/messaging';
import { TemplatesModule } from '@soko/templates';
import { BroadcastChoiceService } from './broadcast-choice.service.js';
import { BroadcastLife } from './broadcast.life.js';
import { BroadcastPreviewService } from './broadcast-preview.service.js';
import { BroadcastSender } from './broadcast.sender.js';
import { BroadcastService } from './broadcast.service.js';
import { BroadcastStore } from './broadcast.store.js';

@Module({
  imports: [MessagingModule, TemplatesModule],
  providers: [BroadcastStore, BroadcastLife, BroadcastSender, BroadcastService, BroadcastPreviewService, BroadcastChoiceService],
  exports: [BroadcastSender, BroadcastService, BroadcastPreviewService, BroadcastChoiceService],
})
export class BroadcastsModule {}
