import { Module } from '@nestjs/common';
import { MediaModule } from '@soko/media';
import { MessagingModule } from '@soko/messaging';
import { WhatsappModule } from '../whatsapp.module.js';
import { InboundFiles } from './inbound-files.js';
import { InboundProcessor } from './inbound.processor.js';
import { MediaFetcher } from './media-fetcher.js';

/** Reading what was received: for the app that serves the queue. */
@Module({
  imports: [MediaModule, MessagingModule, WhatsappModule],
  providers: [InboundFiles, InboundProcessor, MediaFetcher],
})
export class InboundModule {}
