import { Module } from '@nestjs/common';
import { MessagingModule } from '@soko/messaging';
import { SimulatorService } from './simulator.service.js';
import { SimulatorTransport } from './simulator.transport.js';
import { Transports } from './transports.js';

@Module({
  imports: [MessagingModule],
  providers: [SimulatorTransport, SimulatorService, Transports],
  exports: [SimulatorService, Transports],
})
export class WhatsappModule {}
