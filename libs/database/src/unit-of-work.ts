import { AsyncLocalStorage } from 'node:async_hooks';
import { NestedTransactionError } from './database.errors.js';
import { inTransaction, type OpenTransaction } from './open-transaction.js';
import type { TenantTx } from './transaction.js';

const units = new AsyncLocalStorage<UnitOfWork>();

/** The unit of work that the caller is in. */
export const unitAtHand = (): UnitOfWork | undefined => units.getStore();

/**
 * Makes one transaction of everything that some code does through `Tenancy.run`, without that code knowing: whoever owns the
 * unit can add a last write and commit all of it, or nothing. The transaction begins with the first `run`, so what a caller does
 * before that (hash a password, resolve a name) holds no connection.
 */
export class UnitOfWork {
  private opened?: OpenTransaction<TenantTx>;
  private ended = false;
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly merchantId: string,
    private readonly open: () => Promise<OpenTransaction<TenantTx>>,
    private readonly committed: (tx: TenantTx) => void,
  ) {}

  /** Whether anything was done in it yet. */
  get started(): boolean {
    return this.opened !== undefined;
  }

  perform<R>(work: () => Promise<R>): Promise<R> {
    return units.run(this, work);
  }

  /** One after the other, each behind a savepoint: one that fails leaves nothing, and the others stand. */
  run<R>(merchantId: string, work: (tx: TenantTx) => Promise<R>): Promise<R> {
    if (inTransaction.getStore()) throw new NestedTransactionError();
    if (merchantId !== this.merchantId) throw new Error('a unit of work is one merchant’s, and this is another’s');
    const result = this.last.then(() => this.step(work));
    this.last = result.catch(() => undefined);
    return result;
  }

  /** Does `finish` as the last part of the transaction, and commits. */
  async commit(finish: (tx: TenantTx) => Promise<void>): Promise<void> {
    await this.run(this.merchantId, finish);
    // Whatever nobody waited for finds the unit closed, instead of a transaction that nobody would commit.
    this.ended = true;
    await this.opened!.commit();
    const { tx } = this.opened!;
    this.opened = undefined;
    this.committed(tx);
  }

  /** Gives up what was not committed; once only, for the connection is somebody else’s afterwards. */
  async rollback(): Promise<void> {
    this.ended = true;
    await this.last;
    const { opened } = this;
    this.opened = undefined;
    await opened?.rollback();
  }

  private async step<R>(work: (tx: TenantTx) => Promise<R>): Promise<R> {
    if (this.ended) throw new Error('this unit of work has ended; wait for all its parts before its commit');
    const opened = (this.opened ??= await this.open());
    return opened.tx.attempt(() => opened.step(work));
  }
}
