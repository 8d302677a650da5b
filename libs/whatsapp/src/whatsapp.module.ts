import { Module } from '@nestjs/common';
import { MessagingModule } from '@soko/messaging';
import { TemplatesModule } from '@soko/templates';
import { BaileysTransport } from './baileys/baileys.transport.js';
import { BreakerService } from './cloud/breaker.service.js';
import { CloudWebhookService } from './cloud/cloud-webhook.service.js';
import { CloudClient } from './cloud/cloud.client.js';
import { CloudTransport } from './cloud/cloud.transport.js';
import { DeadLetterService } from './inbound/dead-letter.service.js';
import { InboundFormats } from './inbound/inbound-formats.js';
import { InboundQueue } from './inbound/inbound.queue.js';
import { InboundService } from './inbound/inbound.service.js';
import { InboundStore } from './inbound/inbound.store.js';
import { SimulatorService } from './simulator.service.js';
import { SimulatorTransport } from './simulator.transport.js';
import { Transports } from './transports.js';

@Module({
  imports: [MessagingModule, TemplatesModule],
  providers: [
    BaileysTransport,
    BreakerService,
    CloudClient,
    CloudTransport,
    CloudWebhookService,
    DeadLetterService,
    InboundFormats,
    InboundQueue,
    InboundService,
    InboundStore,
    SimulatorTransport,
    SimulatorService,
    Transports,
  ],
  exports: [
    BreakerService,
    CloudClient,
    CloudWebhookService,
    DeadLetterService,
    InboundQueue,
    InboundService,
    SimulatorService,
    Transports,
  ],
})
export class WhatsappModule {}
