import { Module } from '@nestjs/common';
import { WhatsappModule } from '../whatsapp.module.js';
import { InboundProcessor } from './inbound.processor.js';

/** Reading what was received: for the app that serves the queue. */
@Module({
  imports: [WhatsappModule],
  providers: [InboundProcessor],
})
export class InboundModule {}
