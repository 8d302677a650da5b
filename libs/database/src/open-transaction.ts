import { AsyncLocalStorage } from 'node:async_hooks';
import type { ClientBase } from 'pg';
import type { DataSource, QueryRunner } from 'typeorm';
import type { Transaction } from './transaction.js';

/** Marks the async context of an open transaction, in which a second one would wait for a pool that the first may exhaust. */
export const inTransaction = new AsyncLocalStorage<true>();

/** A transaction that has begun, on a connection of its own, until `commit` or `rollback`. */
export class OpenTransaction<T extends Transaction> {
  private begun: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly runner: QueryRunner,
    private readonly client: ClientBase,
    readonly tx: T,
  ) {}

  static async begin<T extends Transaction>(
    source: DataSource,
    begin: string,
    make: (runner: QueryRunner, client: ClientBase) => T,
  ): Promise<OpenTransaction<T>> {
    const runner = source.createQueryRunner();
    const client = (await runner.connect()) as ClientBase;
    const opened = new OpenTransaction(runner, client, make(runner, client));
    // Nobody waits for it: what the work asks first goes out behind it. It fails only with its connection, and then so does that.
    opened.begun = client.query(begin);
    opened.begun.catch(() => undefined);
    setActive(runner, true);
    return opened;
  }

  /** Work inside, with what it emitted sent after it. */
  step<R>(work: (tx: T) => Promise<R>): Promise<R> {
    return inTransaction.run(true, async () => {
      const result = await work(this.tx);
      this.tx.gather();
      return result;
    });
  }

  /** @throws what the database says against it; then the caller must roll back. */
  async commit(): Promise<void> {
    this.tx.close();
    // Behind all that was sent. If something of that failed it rolls back, and the reason is what is told.
    const commit = this.client.query('COMMIT');
    commit.catch(() => undefined);
    await this.begun;
    await this.tx.settle();
    const { command } = await commit;
    // The answer, without an error, when a statement had failed and the work went on.
    if (command === 'ROLLBACK') throw new Error('nothing was committed: a statement had failed, and its error was swallowed');
    await this.end();
  }

  /** Never throws: a connection that cannot roll back is gone, and its pool has noticed. */
  async rollback(): Promise<void> {
    this.tx.close();
    await this.client.query('ROLLBACK').catch(() => undefined);
    await this.end();
  }

  private async end(): Promise<void> {
    setActive(this.runner, false);
    await this.runner.release();
  }
}

/** TypeORM would otherwise open a transaction of its own for some calls, and commit ours with it. */
function setActive(runner: QueryRunner, active: boolean): void {
  (runner as { isTransactionActive: boolean }).isTransactionActive = active;
}
