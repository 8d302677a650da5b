import { AsyncLocalStorage } from 'node:async_hooks';
import type { ClientBase } from 'pg';
import type { DataSource, QueryRunner } from 'typeorm';
import type { Transaction } from './transaction.js';

/** Marks the async context of an open transaction, in which a second one would wait for a pool that the first may exhaust. */
export const inTransaction = new AsyncLocalStorage<true>();

/** A transaction that has begun, on a connection of its own, until `commit` or `rollback`. */
export class OpenTransaction<T extends Transaction> {
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
    try {
      await client.query(begin);
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      await runner.release();
      throw error;
    }
    setActive(runner, true);
    return new OpenTransaction(runner, client, make(runner, client));
  }

  /** Work inside, with what it emitted written after it. */
  step<R>(work: (tx: T) => Promise<R>): Promise<R> {
    return inTransaction.run(true, async () => {
      const result = await work(this.tx);
      await this.tx.flush();
      return result;
    });
  }

  /** @throws what the database says against it; then the caller must roll back. */
  async commit(): Promise<void> {
    this.tx.close();
    const { command } = await this.client.query('COMMIT');
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
