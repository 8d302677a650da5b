import { Module } from '@nestjs/common';
import { MediaModule } from '@soko/media';
import { MessagingModule } from '@soko/messaging';
import { TemplatesModule } from '@soko/templates';
import { BaileysFiles } from './baileys/baileys-files.js';
import { BaileysTransport } from './baileys/baileys.transport.js';
import { BreakerService } from './cloud/breaker.service.js';
import { CloudCounterparts } from './cloud/cloud-counterparts.js';
import { CloudTemplateSync } from './cloud/cloud-template-sync.js';
import { CloudHandshake, CloudWebhookService } from './cloud/cloud-webhook.service.js';
import { CloudClient } from './cloud/cloud.client.js';
import { CloudFiles } from './cloud/cloud-files.js';
import { CloudTransport } from './cloud/cloud.transport.js';
import { InboundFailures } from './inbound/inbound-failures.js';
import { InboundFormats } from './inbound/inbound-formats.js';
import { InboundQueue } from './inbound/inbound.queue.js';
import { InboundService } from './inbound/inbound.service.js';
import { InboundStore } from './inbound/inbound.store.js';
import { MediaUploads } from './media-uploads.js';
import { OutboundFiles } from './outbound-files.js';
import { SimulatorService } from './simulator.service.js';
import { SimulatorTransport } from './simulator.transport.js';
import { Transports } from './transports.js';

@Module({
  imports: [MessagingModule, MediaModule, TemplatesModule],
  providers: [
    BaileysFiles,
    BaileysTransport,
    BreakerService,
    CloudClient,
    CloudCounterparts,
    CloudFiles,
    CloudHandshake,
    CloudTemplateSync,
    CloudTransport,
    CloudWebhookService,
    InboundFailures,
    InboundFormats,
    InboundQueue,
    InboundService,
    InboundStore,
    MediaUploads,
    OutboundFiles,
    SimulatorTransport,
    SimulatorService,
    Transports,
  ],
  exports: [
    BreakerService,
    CloudClient,
    CloudHandshake,
    CloudTemplateSync,
    CloudWebhookService,
    InboundQueue,
    InboundService,
    OutboundFiles,
    SimulatorService,
    Transports,
  ],
})
export class WhatsappModule {}
