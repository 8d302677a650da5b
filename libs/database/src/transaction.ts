import { createHash } from 'node:crypto';
import { type Actor, workContext } from '@soko/common';
import type { JobDef } from '@soko/contracts';
import type { ClientBase, QueryConfig } from 'pg';
import type { EntityManager, QueryRunner } from 'typeorm';
import { Outbox } from './outbox.js';

/** One alarm to be rung after the commit. */
export interface Alarm {
  job: JobDef;
  payload: object;
  /** The request that led to it. */
  requestId?: string;
}

/** An alarm, to be rung by whoever needs no transaction for it. */
export const alarm = <P extends object>(job: JobDef<P>, payload: P): Alarm => ({
  job: job as unknown as JobDef,
  payload,
  requestId: workContext.requestId,
});

const statementNames = new Map<string, string>();

/** A statement that is prepared once per connection, under a name made from its text: keep the text of a query constant. */
export function named(text: string, values: unknown[]): QueryConfig {
  let name = statementNames.get(text);
  if (!name) {
    name = createHash('sha1').update(text).digest('base64url').slice(0, 20);
    statementNames.set(text, name);
  }
  return { name, text, values };
}

/** An open transaction. Dead after its `run` has ended: a query through it then throws. */
export abstract class Transaction {
  readonly alarms: Alarm[] = [];
  private open = true;
  private sent: Promise<unknown>[] = [];

  constructor(
    private readonly runner: QueryRunner,
    private readonly client: ClientBase,
  ) {}

  /** TypeORM's manager on this transaction, for inserts, updates and reads of entities. */
  get manager(): EntityManager {
    this.assertOpen();
    return this.runner.manager;
  }

  /** Rows of one prepared statement. */
  async query<R extends object>(text: string, values: unknown[] = []): Promise<R[]> {
    this.assertOpen();
    return (await this.client.query<R>(named(text, values))).rows;
  }

  /**
   * A statement whose outcome the work need not know: it goes out behind those before it, and the transaction waits for it at its
   * end. If it fails, nothing is committed. So several cost one wait.
   */
  write(text: string, values: unknown[] = []): void {
    const done = this.query(text, values);
    done.catch(() => undefined);
    this.sent.push(done);
  }

  /** Rings `job` after the commit. If the process dies in between, the sweep rings it. */
  wake<P extends object>(job: JobDef<P>, payload: P): void {
    this.assertOpen();
    this.alarms.push(alarm(job, payload));
  }

  /** Sends what has gathered; before a commit. */
  gather(): void {}

  /** Waits for what was sent. @throws what the first statement that failed says */
  async settle(): Promise<void> {
    await Promise.all(this.sent.splice(0));
  }

  /** Writes what has gathered, now. */
  flush(): Promise<void> {
    this.gather();
    return this.settle();
  }

  /** Drops the alarms after the first `kept`, and what was sent: for a part that was rolled back. */
  protected forget(kept: number): void {
    this.sent = [];
    this.alarms.length = kept;
  }

  close(): void {
    this.open = false;
  }

  private assertOpen(): void {
    if (!this.open) throw new Error('this transaction has ended; do all its work inside the function given to run()');
  }
}

/** A transaction of one merchant: row-level security shows and takes this merchant's rows only. */
export class TenantTx extends Transaction {
  readonly outbox: Outbox;

  constructor(
    runner: QueryRunner,
    client: ClientBase,
    readonly merchantId: string,
  ) {
    super(runner, client);
    this.outbox = new Outbox(this, merchantId);
  }

  override gather(): void {
    this.outbox.flush();
  }

  /** From here on the work is `actor`'s, and so is all that this transaction changes: the audit trail is written at its end. */
  async actAs(actor: Actor): Promise<void> {
    workContext.actAs(actor);
    const { ip, requestId } = workContext.current ?? {};
    if (requestId) await this.query(`SELECT set_config('app.actor', $1, true)`, [JSON.stringify({ ...actor, ip, requestId })]);
  }

  /** A part that may come to nothing: when it throws, what it wrote, emitted and woke is undone, and the rest stands. */
  async attempt<R>(work: () => Promise<R>): Promise<R> {
    // What was emitted so far must not be dropped with what may fail.
    await this.flush();
    const rung = this.alarms.length;
    this.write('SAVEPOINT part');
    try {
      const result = await work();
      this.gather();
      this.write('RELEASE SAVEPOINT part');
      await this.settle();
      return result;
    } catch (error) {
      this.forget(rung);
      // Where the connection is gone, the commit will say so.
      await this.query('ROLLBACK TO SAVEPOINT part').catch(() => undefined);
      // A part around this one has a savepoint of the same name, which is to be found again.
      await this.query('RELEASE SAVEPOINT part').catch(() => undefined);
      throw error;
    }
  }

  /** Drops events that were not written, and the alarms after the first `kept`: for a part that was rolled back. */
  protected override forget(kept: number): void {
    super.forget(kept);
    this.outbox.clear();
  }
}

/** A transaction across merchants, with the few grants of `soko_system`: relay, sweeps, login, ops. */
export class SystemTx extends Transaction {}
