import { Injectable, type OnModuleInit } from '@nestjs/common';
import { retryDeadLetter, type RetryDeadLetterJob } from '@soko/contracts';
import { DeadLetterRetry, ReviverRegistry } from '@soko/dead-letters';
import { Handles } from '@soko/queues';

/** Does not start while a kind of letter has nobody who revives it: what is put aside must have a way back. */
@Injectable()
export class DeadLetterProcessor implements OnModuleInit {
  constructor(
    private readonly letters: DeadLetterRetry,
    private readonly registry: ReviverRegistry,
  ) {}

  onModuleInit(): void {
    this.registry.check();
  }

  @Handles(retryDeadLetter)
  retry(job: RetryDeadLetterJob): Promise<void> {
    return this.letters.retry(job);
  }
}
