import { Module } from '@nestjs/common';
import { EventHistory } from './event-history.js';
import { EventStreams } from './event-streams.js';
import { RealtimeGateway } from './realtime.gateway.js';

/** The history of events, and streams of it: what the api shows of what happens. */
@Module({
  providers: [EventHistory, EventStreams, RealtimeGateway],
  exports: [EventHistory, EventStreams],
})
export class RealtimeModule {}
