import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { poolOf } from './sources.js';
import { APP_SOURCE } from './tokens.js';

/**
 * PostgreSQL wakes every connection of the database that listens to anything, whatever the channel: a tenth of a millisecond of its
 * time for each of them. So a process says at most this often that there are events.
 */
const GAP_MS = 20;

/** Wakes the relay after a commit that wrote events. Never waits and never throws: the relay looks once a second anyway. */
@Injectable()
export class RelayBell {
  private rungAt = -Infinity;
  private later?: NodeJS.Timeout;

  constructor(@Inject(APP_SOURCE) private readonly source: DataSource) {}

  ring(): void {
    if (this.later) return;
    const wait = this.rungAt + GAP_MS - performance.now();
    if (wait > 0) this.later = setTimeout(() => this.notify(), wait).unref();
    else this.notify();
  }

  private notify(): void {
    this.later = undefined;
    // The process is ending.
    if (!this.source.isInitialized) return;
    this.rungAt = performance.now();
    poolOf(this.source)
      .query('NOTIFY soko_events')
      .catch(() => undefined);
  }
}
