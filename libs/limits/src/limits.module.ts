import { Global, Module } from '@nestjs/common';
import { Counters } from './counters.js';
import { Limiter } from './limiter.js';

@Global()
@Module({ providers: [Counters, Limiter], exports: [Counters, Limiter] })
export class LimitsModule {}
