import { EventEmitter } from 'node:events';
import { named } from '@soko/database';
import type { Notification, Pool, PoolClient, QueryResult } from 'pg';

/**
 * What BullMQ takes for a pool of its own. Each of its workers borrows a connection for good, to LISTEN on; here all of them share
 * one: PostgreSQL wakes every listening connection of the database at each NOTIFY, whatever the channel, and BullMQ notifies
 * several times for each job. What it asks are always the same few statements, so each is prepared once per connection.
 */
export class QueuePool extends EventEmitter {
  private shared?: SharedClient;

  constructor(private readonly pool: Pool) {
    super();
    // Every queue and worker adds a listener of its own.
    this.setMaxListeners(0);
    pool.on('error', (error) => this.emit('error', error));
  }

  get options(): { keepAlive?: boolean } {
    return this.pool.options;
  }

  query(text: string, values: unknown[] = []): Promise<QueryResult> {
    return this.pool.query(named(text, values));
  }

  async connect(): Promise<Borrowed> {
    if (!this.shared || this.shared.lost) this.shared = new SharedClient(this.pool.connect());
    return this.shared.lend();
  }

  /** Does not wait for those who have borrowed and not given back. */
  async end(): Promise<void> {
    await this.shared?.close();
    await this.pool.end();
  }
}

/** One connection for all who borrow it; given back by the last of them. */
class SharedClient {
  lost = false;
  private closed = false;
  private readonly borrowers = new Set<Borrowed>();
  private last: Promise<unknown>;

  constructor(private readonly client: Promise<PoolClient>) {
    this.last = client.then((opened) => {
      opened.on('notification', (message) => this.tell('notification', message));
      opened.on('error', (error) => {
        this.lost = true;
        this.tell('error', error);
      });
    });
    this.last.catch(() => (this.lost = true));
  }

  async lend(): Promise<Borrowed> {
    const borrowed = new Borrowed(this);
    this.borrowers.add(borrowed);
    await this.client;
    return borrowed;
  }

  /** One after the other: a connection does one thing at a time. */
  query(text: string, values?: unknown[]): Promise<QueryResult> {
    const result = this.last.then(async () => (await this.client).query(text, values));
    this.last = result.catch(() => undefined);
    return result;
  }

  async giveBack(borrowed: Borrowed): Promise<void> {
    if (this.borrowers.delete(borrowed) && this.borrowers.size === 0) await this.close();
  }

  /** Not for use again: it has listened, and whoever got it next would hear of jobs. */
  async close(): Promise<void> {
    this.lost = true;
    if (this.closed) return;
    this.closed = true;
    await this.client.then(
      (client) => client.release(true),
      () => undefined,
    );
  }

  private tell(event: 'notification' | 'error', what: Notification | Error): void {
    for (const borrowed of this.borrowers) if (borrowed.listenerCount(event) > 0) borrowed.emit(event, what);
  }
}

/** A connection as its borrower sees it. */
class Borrowed extends EventEmitter {
  constructor(private readonly shared: SharedClient) {
    super();
  }

  query(text: string, values?: unknown[]): Promise<QueryResult> {
    return this.shared.query(text, values);
  }

  release(): void {
    void this.shared.giveBack(this);
  }
}
