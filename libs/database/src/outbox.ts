import { validateInput, ValidationError, workContext } from '@soko/common';
import type { EventDef } from '@soko/contracts';
import { EventDataError } from './database.errors.js';

/** The transaction that events are written in. */
interface Writer {
  write(text: string, values: unknown[]): void;
}

interface Pending {
  type: string;
  subject: string;
  data: string;
  requestId: string | null;
}

/** Collects the events of one transaction and writes them with it, in one statement, in the order in which they were emitted. */
export class Outbox {
  private pending: Pending[] = [];
  private anyWritten = false;

  constructor(
    private readonly tx: Writer,
    private readonly merchantId: string,
  ) {}

  /**
   * In production too: what partners were promised is worth its microseconds, and what PostgreSQL cannot store would stop here late.
   * @throws EventDataError when `data` does not fit the catalogue.
   */
  emit<D extends object>(event: EventDef<D>, data: D): void {
    check(event, data);
    this.pending.push({
      type: event.type,
      subject: event.subject(data),
      data: JSON.stringify(data),
      requestId: workContext.requestId ?? null,
    });
  }

  /** Whether there is something for the relay once the transaction commits. */
  get written(): boolean {
    return this.anyWritten;
  }

  clear(): void {
    this.pending = [];
  }

  flush(): void {
    if (this.pending.length === 0) return;
    const rows = this.pending;
    this.pending = [];
    this.anyWritten = true;
    this.tx.write(
      `INSERT INTO events (merchant_id, type, subject, data, request_id)
       SELECT $1, e.type, e.subject, e.data, e.request_id
       FROM unnest($2::text[], $3::text[], $4::json[], $5::text[]) WITH ORDINALITY AS e (type, subject, data, request_id, n) ORDER BY e.n`,
      [
        this.merchantId,
        rows.map((row) => row.type),
        rows.map((row) => row.subject),
        rows.map((row) => row.data),
        rows.map((row) => row.requestId),
      ],
    );
  }
}

function check<D extends object>(event: EventDef<D>, data: D): void {
  try {
    validateInput(event.data, data);
  } catch (error) {
    throw error instanceof ValidationError ? new EventDataError(event.type, error.errors!) : error;
  }
}
