import { Inject, Injectable } from '@nestjs/common';
import { isUuid, workContext } from '@soko/common';
import { escapeLiteral } from 'pg';
import type { DataSource } from 'typeorm';
import { AlarmBell } from './alarm-bell.js';
import { MissingTenantError, NestedTransactionError } from './database.errors.js';
import { inTransaction, OpenTransaction } from './open-transaction.js';
import { poolOf } from './sources.js';
import { named, SystemTx, TenantTx } from './transaction.js';
import { RelayBell } from './relay-bell.js';
import { APP_SOURCE, SYSTEM_SOURCE } from './tokens.js';
import { UnitOfWork, unitAtHand } from './unit-of-work.js';

/** pg's way looks at every character of what mostly has none to escape. */
const literal = (text: string): string => (/['\\]/.test(text) ? escapeLiteral(text) : `'${text}'`);

/** Begins with what row-level security and the audit trail read: the merchant, and who does the work. One round trip. */
function beginning(merchantId?: string): string {
  const { actor, ip, requestId } = workContext.current ?? {};
  const settings = [
    ...(merchantId ? [`set_config('app.merchant_id', '${merchantId}', true)`] : []),
    ...(requestId ? [`set_config('app.actor', ${literal(JSON.stringify({ ...actor, ip, requestId }))}, true)`] : []),
  ];
  return settings.length > 0 ? `BEGIN; SELECT ${settings.join(', ')}` : 'BEGIN';
}

async function runAlone<T extends SystemTx | TenantTx, R>(
  open: () => Promise<OpenTransaction<T>>,
  work: (tx: T) => Promise<R>,
  committed: (tx: T) => void,
): Promise<R> {
  if (inTransaction.getStore()) throw new NestedTransactionError();
  const opened = await open();
  try {
    const result = await opened.step(work);
    await opened.commit();
    committed(opened.tx);
    return result;
  } catch (error) {
    await opened.rollback();
    throw error;
  }
}

/** The only way to a tenant's rows. */
@Injectable()
export class Tenancy {
  constructor(
    @Inject(APP_SOURCE) private readonly source: DataSource,
    private readonly bell: AlarmBell,
    private readonly relay: RelayBell,
  ) {}

  /**
   * Runs `work` in one transaction of `merchantId`; what it emitted commits with it, what it woke rings after it.
   * Inside a unit of work it becomes a part of the unit's transaction.
   * @throws MissingTenantError without a merchant; NestedTransactionError inside another transaction.
   */
  async run<R>(merchantId: string, work: (tx: TenantTx) => Promise<R>): Promise<R> {
    if (!isUuid(merchantId)) throw new MissingTenantError();
    const unit = unitAtHand();
    return unit ? unit.run(merchantId, work) : runAlone(() => this.open(merchantId), work, this.committed);
  }

  /** `work` in the transaction that is open already, or in one of its own. */
  within<R>(at: string | TenantTx, work: (tx: TenantTx) => Promise<R>): Promise<R> {
    return typeof at === 'string' ? this.run(at, work) : work(at);
  }

  /** As `run`, and never a part of a unit of work: for what must stand even if the unit comes to nothing, or before it is through. */
  async apart<R>(merchantId: string, work: (tx: TenantTx) => Promise<R>): Promise<R> {
    if (!isUuid(merchantId)) throw new MissingTenantError();
    return runAlone(() => this.open(merchantId), work, this.committed);
  }

  /** A unit of work: every `run` of `merchantId` inside it is one transaction, which commits when its owner says so. */
  unit(merchantId: string): UnitOfWork {
    if (!isUuid(merchantId)) throw new MissingTenantError();
    return new UnitOfWork(merchantId, () => this.open(merchantId), this.committed);
  }

  private readonly committed = (tx: TenantTx): void => {
    this.bell.ring(tx.alarms);
    if (tx.outbox.written) this.relay.ring();
  };

  private open(merchantId: string): Promise<OpenTransaction<TenantTx>> {
    return OpenTransaction.begin(
      this.source,
      beginning(merchantId),
      (runner, client) => new TenantTx(runner, client, merchantId),
    );
  }
}

/** Cross-tenant work, for the relay, the sweeps, the login and ops. */
@Injectable()
export class SystemDb {
  constructor(
    @Inject(SYSTEM_SOURCE) private readonly source: DataSource,
    private readonly bell: AlarmBell,
  ) {}

  async run<R>(work: (tx: SystemTx) => Promise<R>): Promise<R> {
    const open = () => OpenTransaction.begin(this.source, beginning(), (runner, client) => new SystemTx(runner, client));
    return runAlone(open, work, ({ alarms }) => this.bell.ring(alarms));
  }

  /** Rows of one prepared statement that is a transaction by itself: one round trip. */
  async query<R extends object>(text: string, values: unknown[] = []): Promise<R[]> {
    return (await poolOf(this.source).query<R>(named(text, values))).rows;
  }
}
