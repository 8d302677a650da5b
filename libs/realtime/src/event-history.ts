import { Injectable } from '@nestjs/common';
import { idFloor, isUuid, type Page, timeOf } from '@soko/common';
import type { EventEnvelope } from '@soko/contracts';
import { byIndex, Tenancy, type TenantTx } from '@soko/database';
import type { Caller } from '@soko/identity';
import { isEverything, visibleTypes } from './event-scopes.js';
import type { EventQuery, EventView } from './realtime.dto.js';
import { UnknownPlaceError } from './realtime.errors.js';

/** A place in a merchant's history: that of an event. The world knows it by the event's id alone. */
export interface Place {
  position: number;
  id: string;
}

/** Before the first event. */
export const BEGINNING: Place = { position: 0, id: '00000000-0000-0000-0000-000000000000' };

/** An event in its place. */
export class HistoryEvent implements Place {
  private written?: string;

  constructor(
    readonly position: number,
    readonly envelope: EventEnvelope,
  ) {}

  get id(): string {
    return this.envelope.id;
  }

  /** As JSON; written once, for however many clients. */
  get text(): string {
    return (this.written ??= JSON.stringify(this.envelope));
  }
}

interface EventRow {
  id: string;
  type: string;
  data: object;
  createdAt: Date;
  position: number;
}

/**
 * A transaction can be open for so long between making an event's id and committing it: then its place is behind that of events whose ids
 * are later. What is older by more than that lies before every place after it, so its months need not be looked into.
 */
const SLACK_MS = 7 * 24 * 3_600_000;

/** A page of some types looks through so many events at most: who asks for what is rare gets an empty page and a cursor further on. */
const SCAN = 10_000;

const COLUMNS = 'id, type, data, created_at AS "createdAt", position';

/** The smallest id that can have a place behind this event. */
export const floorOf = (id: string): string => idFloor(timeOf(id) - SLACK_MS);

/**
 * What has happened to a merchant, in the order in which the relay handed it on: that order has no gap that closes later (ADR 2), so
 * whoever reads on behind the last event they have misses nothing.
 */
@Injectable()
export class EventHistory {
  constructor(private readonly tenancy: Tenancy) {}

  /** `nextCursor` is there at the end too: from it one reads on when more has happened. @throws UnknownPlaceError */
  async page(caller: Caller, { after, types, limit }: EventQuery): Promise<Page<EventView>> {
    const wanted = visibleTypes(caller, types);
    return this.tenancy.run(caller.merchantId, async (tx) => {
      const from = after === undefined ? BEGINNING : await this.placeIn(tx, after);
      byIndex(tx);
      const { events, hasMore, end } = isEverything(wanted)
        ? await everything(tx, from, limit)
        : await someTypes(tx, from, limit, [...wanted]);
      return { data: events.map((event) => event.envelope), pagination: { limit, hasMore, nextCursor: end.id } };
    });
  }

  /** @throws UnknownPlaceError where no event of this merchant has the id */
  async place(merchantId: string, id: string): Promise<Place> {
    return this.tenancy.run(merchantId, (tx) => this.placeIn(tx, id));
  }

  /** The newest event's. */
  async end(merchantId: string): Promise<Place> {
    const [newest] = await this.tenancy.run(merchantId, (tx) => {
      byIndex(tx);
      return tx.query<Place>(
        'SELECT id, position FROM events WHERE merchant_id = $1 AND position IS NOT NULL ORDER BY position DESC LIMIT 1',
        [merchantId],
      );
    });
    return newest ?? BEGINNING;
  }

  /** At most `limit` events behind `after`, in order. */
  async read(merchantId: string, after: Place, limit: number): Promise<HistoryEvent[]> {
    return this.tenancy.run(merchantId, (tx) => {
      byIndex(tx);
      return read(tx, after, limit);
    });
  }

  private async placeIn(tx: TenantTx, id: string): Promise<Place> {
    if (id === BEGINNING.id) return BEGINNING;
    if (!isUuid(id)) throw new UnknownPlaceError();
    const [place] = await tx.query<Place>(
      'SELECT id, position FROM events WHERE merchant_id = $1 AND id = $2 AND position IS NOT NULL',
      [tx.merchantId, id],
    );
    if (!place) throw new UnknownPlaceError();
    return place;
  }
}

interface Found {
  events: HistoryEvent[];
  hasMore: boolean;
  /** How far the history was looked through. */
  end: Place;
}

async function everything(tx: TenantTx, from: Place, limit: number): Promise<Found> {
  const events = await read(tx, from, limit + 1);
  return cut(events, limit) ?? { events, hasMore: false, end: events.at(-1) ?? from };
}

async function someTypes(tx: TenantTx, from: Place, limit: number, types: string[]): Promise<Found> {
  const [edge] = await tx.query<Place & { scanned: number }>(
    `SELECT id, position, scanned FROM (
       SELECT id, position, row_number() OVER (ORDER BY position) AS scanned FROM events
       WHERE merchant_id = $1 AND position > $2 AND id >= $3 ORDER BY position LIMIT ${SCAN}) looked
     ORDER BY position DESC LIMIT 1`,
    [tx.merchantId, from.position, floorOf(from.id)],
  );
  if (!edge) return { events: [], hasMore: false, end: from };
  const rows = await tx.query<EventRow>(
    `SELECT ${COLUMNS} FROM events
     WHERE merchant_id = $1 AND position > $2 AND position <= $3 AND id >= $4 AND type = ANY($5) ORDER BY position LIMIT $6`,
    [tx.merchantId, from.position, edge.position, floorOf(from.id), types, limit + 1],
  );
  const events = rows.map((row) => eventOf(tx.merchantId, row));
  return cut(events, limit) ?? { events, hasMore: edge.scanned === SCAN, end: edge };
}

/** A page of more than fits. */
const cut = (events: HistoryEvent[], limit: number): Found | undefined =>
  events.length > limit ? { events: events.slice(0, limit), hasMore: true, end: events[limit - 1]! } : undefined;

async function read(tx: TenantTx, after: Place, limit: number): Promise<HistoryEvent[]> {
  const rows = await tx.query<EventRow>(
    `SELECT ${COLUMNS} FROM events WHERE merchant_id = $1 AND position > $2 AND id >= $3 ORDER BY position LIMIT $4`,
    [tx.merchantId, after.position, floorOf(after.id), limit],
  );
  return rows.map((row) => eventOf(tx.merchantId, row));
}

const eventOf = (merchantId: string, { id, type, data, createdAt, position }: EventRow): HistoryEvent =>
  new HistoryEvent(position, { id, type, timestamp: createdAt.toISOString(), merchantId, data });
