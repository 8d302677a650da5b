import { createHash } from 'node:crypto';
import { workContext } from '@soko/common';
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

  /** Rings `job` after the commit. If the process dies in between, the sweep rings it. */
  wake<P extends object>(job: JobDef<P>, payload: P): void {
    this.assertOpen();
    this.alarms.push(alarm(job, payload));
  }

  /** Writes what has gathered; called before a commit. */
  async flush(): Promise<void> {}

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

  override flush(): Promise<void> {
    return this.outbox.flush();
  }

  /** Drops events that were not written, and the alarms after the first `kept`: for a part that was rolled back. */
  forget(kept: number): void {
    this.outbox.clear();
    this.alarms.length = kept;
  }
}

/** A transaction across merchants, with the few grants of `soko_system`: relay, sweeps, login, ops. */
export class SystemTx extends Transaction {}
