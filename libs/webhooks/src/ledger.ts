import { newId } from '@soko/common';
import { noteWebhookAttempt } from '@soko/observability';
import type { Owed } from './drain-store.js';
import type { Trigger } from './webhook-logs.dto.js';
import type { FeedEvent } from './event-feed.js';
import type { Outcome } from './outcome.js';
import type { Died, LoggedCall, NewlyOwed, OwedAgain } from './settler.js';
import type { CallResult } from './webhook.call.js';

/** A place in the history beyond the cursor. */
interface Place {
  position: number;
  settled: boolean;
}

/** Something to be sent. */
export interface Item {
  eventId: string;
  type: string;
  trigger: Trigger;
  body: string;
  /** Made so far. */
  attempts: number;
  /** Its place in the history, when it is met there for the first time. */
  place?: Place;
  /** The row by which it is owed. */
  owedId?: string;
}

export interface Written {
  cursor: number;
  done: number[];
  logs: LoggedCall[];
  owed: NewlyOwed[];
  again: OwedAgain[];
  died: Died[];
  paid: string[];
}

/** What one subscription has in hand: which places of the history are settled, and what of that is still to be written down. */
export class Ledger {
  private ahead: Place[] = [];
  private readonly done: Set<number>;
  /** All up to here was read. */
  readTo: number;
  /** Rows in hand. Of those that were given back: when, by `performance.now()`; what was read before then may still show them. */
  private readonly rows = new Map<string, number>();
  private pending: Omit<Written, 'cursor' | 'done'> = nothing();
  private writing: { places: number; rows: string[] } = { places: 0, rows: [] };

  /** @param done positions beyond the cursor that are settled already */
  constructor(cursor: number, done: number[]) {
    this.readTo = cursor;
    this.done = new Set(done);
  }

  /** Places that are not behind the cursor in the database yet. */
  get open(): number {
    return this.ahead.length;
  }

  get unwritten(): boolean {
    return Object.values(this.pending).some((rows) => rows.length > 0);
  }

  /** Items for those of the events that are not settled yet. @param wanted in the order of their positions */
  add(wanted: FeedEvent[], readTo: number): Item[] {
    const items: Item[] = [];
    for (const { id, type, position, body } of wanted) {
      const place = { position, settled: this.done.delete(position) };
      this.ahead.push(place);
      if (!place.settled) items.push({ eventId: id, type, trigger: 'event', body, attempts: 0, place });
    }
    this.readTo = readTo;
    return items;
  }

  /** Takes those rows in hand that are not yet. @param readAt when they were read, by `performance.now()` */
  takeRows(rows: Owed[], readAt: number): Item[] {
    for (const [id, since] of this.rows) if (since < readAt) this.rows.delete(id);
    const items: Item[] = [];
    for (const { id, eventId, type, trigger, attempts, body } of rows) {
      if (this.rows.has(id)) continue;
      this.rows.set(id, Infinity);
      if (body === null) {
        this.pending.died.push({ id, attempts, reason: 'the event is kept no longer' });
        continue;
      }
      items.push({ eventId, type, trigger, body, attempts, owedId: id });
    }
    return items;
  }

  /** Gives rows back that were not tried. */
  putBack(items: Item[]): void {
    for (const { owedId } of items) if (owedId) this.rows.set(owedId, performance.now());
  }

  record(item: Item, call: { at: number; url: string; ownNames: string[] | null }, result: CallResult, outcome: Outcome): void {
    const attempt = item.attempts + 1;
    const next = outcome.delivered ? undefined : outcome.nextIn;
    noteWebhookAttempt(outcome.delivered ? 'delivered' : 'failed');
    this.pending.logs.push({
      id: newId(),
      event_id: item.eventId,
      event_type: item.type,
      attempt,
      trigger: item.trigger,
      outcome: outcome.delivered ? 'delivered' : 'failed',
      url: call.url,
      own_headers: call.ownNames,
      response_status: result.status ?? null,
      response_body: result.body || null,
      duration_ms: result.durationMs,
      error: outcome.error,
      error_class: outcome.errorClass,
      next_in: next ?? null,
      requested_at: new Date(call.at).toISOString(),
    });
    if (item.place) item.place.settled = true;
    if (item.owedId) this.recordRow(item.owedId, attempt, outcome);
    else if (next !== undefined) {
      const { eventId: event_id, type: event_type } = item;
      this.pending.owed.push({ id: newId(), event_id, event_type, position: item.place!.position, due_in: next });
    }
  }

  /** What is to be written. It is in hand until `written`. */
  take(): Written {
    let behind = 0;
    while (behind < this.ahead.length && this.ahead[behind]!.settled) behind += 1;
    const rows = [...this.pending.paid, ...this.pending.again.map(({ id }) => id), ...this.pending.died.map(({ id }) => id)];
    this.writing = { places: behind, rows };
    const written = {
      ...this.pending,
      cursor: behind < this.ahead.length ? this.ahead[behind]!.position - 1 : this.readTo,
      done: [...this.ahead.slice(behind).filter((place) => place.settled), ...this.doneBeyond()].map(({ position }) => position),
    };
    this.pending = nothing();
    return written;
  }

  written(): void {
    this.ahead.splice(0, this.writing.places);
    const now = performance.now();
    for (const id of this.writing.rows) this.rows.set(id, now);
    this.writing = { places: 0, rows: [] };
  }

  private recordRow(id: string, attempts: number, outcome: Outcome): void {
    if (outcome.delivered) this.pending.paid.push(id);
    else if (outcome.nextIn === undefined) this.pending.died.push({ id, attempts, reason: outcome.error! });
    else this.pending.again.push({ id, attempts, due_in: outcome.nextIn });
  }

  /** Settled by whoever had it before, and not read again yet. */
  private doneBeyond(): { position: number }[] {
    return [...this.done].map((position) => ({ position }));
  }
}

const nothing = (): Omit<Written, 'cursor' | 'done'> => ({ logs: [], owed: [], again: [], died: [], paid: [] });
