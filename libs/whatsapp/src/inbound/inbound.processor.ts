import { Injectable } from '@nestjs/common';
import { processInbound, type ProcessInboundJob } from '@soko/contracts';
import { Handles } from '@soko/queues';
import { InboundService } from './inbound.service.js';

@Injectable()
export class InboundProcessor {
  constructor(private readonly inbound: InboundService) {}

  @Handles(processInbound)
  run(job: ProcessInboundJob): Promise<void> {
    return this.inbound.drain(job);
  }
}
