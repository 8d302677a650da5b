import { createHash } from 'node:crypto';
import { workContext } from '@soko/common';
import type { JobDef } from '@soko/contracts';
import type { ClientBase } from 'pg';
import type { EntityManager, QueryRunner } from 'typeorm';

/** One alarm to be rung after the commit. */
export interface Alarm {
  job: JobDef;
  payload: object;
  /** The request that led to it. */
  requestId?: string;
}

const statementNames = new Map<string, string>();

/** Statements are prepared once per connection, under a name made from their text: keep the text of a query constant. */
function statementName(text: string): string {
  let name = statementNames.get(text);
  if (!name) {
    name = createHash('sha1').update(text).digest('base64url').slice(0, 20);
    statementNames.set(text, name);
  }
  return name;
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
    const result = await this.client.query<R>({ name: statementName(text), text, values });
    return result.rows;
  }

  /** Rings `job` after the commit. If the process dies in between, the sweep rings it. */
  wake<P extends object>(job: JobDef<P>, payload: P): void {
    this.assertOpen();
    this.alarms.push({ job: job as unknown as JobDef, payload, requestId: workContext.requestId });
  }

  close(): void {
    this.open = false;
  }

  private assertOpen(): void {
    if (!this.open) throw new Error('this transaction has ended; do all its work inside the function given to run()');
  }
}
