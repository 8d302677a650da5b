import { AsyncLocalStorage } from 'node:async_hooks';
import { isUuid } from '@soko/common';
import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, QueryRunner } from 'typeorm';
import type { ClientBase } from 'pg';
import { AlarmBell } from './alarm-bell.js';
import { MissingTenantError, NestedTransactionError } from './database.errors.js';
import { Outbox } from './outbox.js';
import { APP_SOURCE, SYSTEM_SOURCE } from './tokens.js';
import { Transaction } from './transaction.js';

/** Marks the async context of an open transaction, in which a second one would wait for a pool that the first may exhaust. */
const inTransaction = new AsyncLocalStorage<true>();

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
}

/** A transaction across merchants, with the few grants of `soko_system`: relay, sweeps, login. */
export class SystemTx extends Transaction {}

async function transact<T extends Transaction, R>(
  source: DataSource,
  begin: string,
  open: (runner: QueryRunner, client: ClientBase) => T,
  work: (tx: T) => Promise<R>,
  beforeCommit: (tx: T) => Promise<void>,
): Promise<{ result: R; tx: T }> {
  if (inTransaction.getStore()) throw new NestedTransactionError();
  const runner = source.createQueryRunner();
  const client = (await runner.connect()) as ClientBase;
  // TypeORM would otherwise open a transaction of its own for some calls, and commit ours with it.
  const active = runner as { isTransactionActive: boolean };
  try {
    await client.query(begin);
    active.isTransactionActive = true;
    const tx = open(runner, client);
    try {
      const result = await inTransaction.run(true, () => work(tx));
      await beforeCommit(tx);
      await client.query('COMMIT');
      return { result, tx };
    } finally {
      tx.close();
    }
  } catch (error) {
    // A connection that cannot roll back is gone, and its pool has noticed.
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  } finally {
    active.isTransactionActive = false;
    await runner.release();
  }
}

/** The only way to a tenant's rows. */
@Injectable()
export class Tenancy {
  constructor(
    @Inject(APP_SOURCE) private readonly source: DataSource,
    private readonly bell: AlarmBell,
  ) {}

  /**
   * Runs `work` in one transaction of `merchantId`; what it emitted commits with it, what it woke rings after it.
   * @throws MissingTenantError without a merchant; NestedTransactionError inside another transaction.
   */
  async run<R>(merchantId: string, work: (tx: TenantTx) => Promise<R>): Promise<R> {
    if (!isUuid(merchantId)) throw new MissingTenantError();
    const { result, tx } = await transact(
      this.source,
      `BEGIN; SELECT set_config('app.merchant_id', '${merchantId}', true)`,
      (runner, client) => new TenantTx(runner, client, merchantId),
      work,
      (open) => open.outbox.flush(),
    );
    this.bell.ring(tx.alarms);
    return result;
  }
}

/** Cross-tenant work, for the relay, the sweeps and the login. */
@Injectable()
export class SystemDb {
  constructor(
    @Inject(SYSTEM_SOURCE) private readonly source: DataSource,
    private readonly bell: AlarmBell,
  ) {}

  async run<R>(work: (tx: SystemTx) => Promise<R>): Promise<R> {
    const { result, tx } = await transact(
      this.source,
      'BEGIN',
      (runner, client) => new SystemTx(runner, client),
      work,
      async () => {},
    );
    this.bell.ring(tx.alarms);
    return result;
  }
}
