import { Module } from '@nestjs/common';
import { ConfigModule } from '@soko/config';
import { queuesOf } from '@soko/contracts';
import { DatabaseModule } from '@soko/database';
import { IdentityModule } from '@soko/identity';
import { MessagingModule } from '@soko/messaging';
import { MetricsServer, ObservabilityModule } from '@soko/observability';
import { QueuesModule } from '@soko/queues';
import { WhatsappModule } from '@soko/whatsapp';
import { ChannelRunner } from './channel-runner.service.js';
import { ChatSender } from './chat-sender.service.js';
import { LeaseRepository } from './lease.repository.js';
import { ShardLeases } from './shard-leases.service.js';

@Module({
  imports: [
    ConfigModule,
    ObservabilityModule.forApp('bot-gateway'),
    DatabaseModule,
    QueuesModule.forApp({ serves: queuesOf('bot-gateway'), laned: ['message_sending'] }),
    IdentityModule,
    MessagingModule,
    WhatsappModule,
  ],
  providers: [MetricsServer, LeaseRepository, ShardLeases, ChannelRunner, ChatSender],
})
export class GatewayModule {}
