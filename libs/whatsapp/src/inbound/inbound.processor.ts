import { Injectable } from '@nestjs/common';
import { processInbound, type ProcessInboundJob, retryDeadLetter, type RetryDeadLetterJob } from '@soko/contracts';
import { Handles } from '@soko/queues';
import { DeadLetterService } from './dead-letter.service.js';
import { InboundService } from './inbound.service.js';

@Injectable()
export class InboundProcessor {
  constructor(
    private readonly inbound: InboundService,
    private readonly deadLetters: DeadLetterService,
  ) {}

  @Handles(processInbound)
  run(job: ProcessInboundJob): Promise<void> {
    return this.inbound.drain(job);
  }

  @Handles(retryDeadLetter)
  retry(job: RetryDeadLetterJob): Promise<void> {
    return this.deadLetters.retry(job);
  }
}
