import { Body, Controller, Delete, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Page } from '@soko/common';
import {
  DeadLetterDetailView,
  DeadLetterQuery,
  DeadLetterSelection,
  DeadLetterService,
  DeadLettersTakenView,
  DeadLetterView,
} from '@soko/dead-letters';
import { Requires } from '@soko/identity';
import { Id } from './input.pipe.js';
import { Paged } from './openapi/decorators.js';

/** What has failed for good, of every kind and merchant. */
@ApiTags('Ops')
@Controller('api/admin/dead-letters')
@Requires('ops')
export class DeadLettersController {
  constructor(private readonly letters: DeadLetterService) {}

  /**
   * Newest first. Inbound messages that could not be stored are tried again by themselves after 5 min, 30 min, 2 h, 6 h and 12 h, and then
   * rest; everything else has had its tries and rests until somebody asks.
   */
  @Get()
  @Paged(DeadLetterView)
  list(@Query() query: DeadLetterQuery): Promise<Page<DeadLetterView>> {
    return this.letters.list(query);
  }

  /** Has many tried at once: those with these ids, or those of a kind. It can be repeated with `next` until that is missing. */
  @Post('retry')
  @HttpCode(200)
  retryMany(@Body() body: DeadLetterSelection): Promise<DeadLettersTakenView> {
    return this.letters.ringMany(body);
  }

  /** Gives many up for good. */
  @Post('discard')
  @HttpCode(200)
  discardMany(@Body() body: DeadLetterSelection): Promise<DeadLettersTakenView> {
    return this.letters.discardMany(body);
  }

  @Get(':id')
  get(@Id() id: string): Promise<DeadLetterDetailView> {
    return this.letters.get(id);
  }

  /** Has it tried at once, also one that rests. */
  @Post(':id/retry')
  @HttpCode(202)
  retry(@Id() id: string): Promise<void> {
    return this.letters.ring(id);
  }

  /** Gives it up for good. */
  @Delete(':id')
  @HttpCode(204)
  discard(@Id() id: string): Promise<void> {
    return this.letters.discard(id);
  }
}
