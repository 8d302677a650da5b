import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { DeadLetterRetry } from './dead-letter.retry.js';
import { DeadLetterService } from './dead-letter.service.js';
import { ReviverRegistry } from './reviver.registry.js';

@Module({
  imports: [DiscoveryModule],
  providers: [DeadLetterRetry, DeadLetterService, ReviverRegistry],
  exports: [DeadLetterRetry, DeadLetterService, ReviverRegistry],
})
export class DeadLettersModule {}
