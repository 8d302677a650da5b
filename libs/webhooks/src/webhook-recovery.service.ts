import { Injectable } from '@nestjs/common';
import { idFloor, decodeCursor, NotFoundError, type Page, pageOf, type PageQuery } from '@soko/common';
import { Settings } from '@soko/config';
import { recoverWebhook } from '@soko/contracts';
import { Tenancy, type TenantTx } from '@soko/database';
import { WebhookGaps } from './webhook-gaps.js';
import type { RecoveryView } from './webhook-logs.dto.js';
import { OwedDeliveries } from './webhook-owed.js';
import { BadRecoveryStartError, RecoveryRunningError, WebhookInactiveError } from './webhooks.errors.js';

const BATCH = 500;
const DAY_MS = 24 * 3_600_000;

interface RecoveryRow {
  id: string;
  webhook_id: string;
  since: Date;
  status: 'running' | 'done' | 'stopped';
  reason: string | null;
  reached: string | null;
  owed_done: boolean;
  recovered: number;
  created_at: Date;
  finished_at: Date | null;
}

/** Has everything sent again that a subscription has not taken since some time: what failed, and what came while it was off. */
@Injectable()
export class WebhookRecoveryService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly owed: OwedDeliveries,
    private readonly gaps: WebhookGaps,
    private readonly settings: Settings,
  ) {}

  /** @throws NotFoundError, BadRecoveryStartError, WebhookInactiveError, RecoveryRunningError */
  start(merchantId: string, webhookId: string, since: Date): Promise<RecoveryView> {
    return this.tenancy.run(merchantId, async (tx) => {
      const active = await this.owed.lock(tx, webhookId);
      const age = Date.now() - since.getTime();
      if (age < 0 || age > this.keptMs) throw new BadRecoveryStartError(this.settings.WEBHOOK_LOG_DAYS);
      if (!active) throw new WebhookInactiveError();
      const [row] = await tx.query<RecoveryRow>(
        `INSERT INTO webhook_recoveries (merchant_id, webhook_id, since) VALUES ($1, $2, $3)
         ON CONFLICT (merchant_id, webhook_id) WHERE status = 'running' DO NOTHING RETURNING *`,
        [merchantId, webhookId, since],
      );
      if (!row) throw new RecoveryRunningError();
      tx.wake(recoverWebhook, { merchantId, recoveryId: row.id });
      return recoveryView(row);
    });
  }

  /** Newest first. @throws NotFoundError */
  list(merchantId: string, webhookId: string, query: PageQuery): Promise<Page<RecoveryView>> {
    const before = decodeCursor(query.cursor, 'id')?.[0];
    return this.tenancy.run(merchantId, async (tx) => {
      await this.owed.lock(tx, webhookId);
      const rows = await tx.query<RecoveryRow>(
        `SELECT * FROM webhook_recoveries WHERE merchant_id = $1 AND webhook_id = $2 AND ($3::uuid IS NULL OR id < $3)
         ORDER BY id DESC LIMIT $4`,
        [merchantId, webhookId, before ?? null, query.limit + 1],
      );
      return pageOf(rows, query.limit, recoveryView, (row) => [row.id]);
    });
  }

  /** @throws NotFoundError */
  get(merchantId: string, recoveryId: string): Promise<RecoveryView> {
    return this.tenancy.run(merchantId, async (tx) => {
      const row = await this.read(tx, recoveryId);
      if (!row) throw new NotFoundError('recovery', recoveryId);
      return recoveryView(row);
    });
  }

  /** The next batch. Whoever dies in it has done nothing of it. @returns whether there may be more */
  step(merchantId: string, recoveryId: string): Promise<boolean> {
    return this.tenancy.run(merchantId, async (tx) => {
      const known = await this.read(tx, recoveryId);
      if (!known) return false;
      const active = await this.owed.lock(tx, known.webhook_id).catch(gone);
      const row = await this.read(tx, recoveryId, 'FOR UPDATE');
      if (!row || row.status !== 'running') return false;
      if (!active) {
        this.gaps.release(tx, row.id);
        this.finish(tx, row.id, 'the subscription is not active any more');
        return false;
      }
      if (row.owed_done) return this.overGaps(tx, row);
      await this.overOwed(tx, row);
      return true;
    });
  }

  /** What failed can be had again for as long as it is on record. */
  private get keptMs(): number {
    return this.settings.WEBHOOK_LOG_DAYS * DAY_MS;
  }

  private async overOwed(tx: TenantTx, row: RecoveryRow): Promise<void> {
    // An id is made just before the time that its event tells.
    const floor = idFloor(row.since.getTime() - 1);
    await this.owed.ring(tx, row.webhook_id);
    // What fails from now on is not this recovery's: it could go on for ever.
    const ids = await this.owed.again(tx, row.webhook_id, row.reached ?? floor, idFloor(row.created_at.getTime() + 1), BATCH);
    const last = ids.length < BATCH;
    if (last) await this.gaps.claim(tx, row.webhook_id, row.id, floor, new Date(Date.now() - this.keptMs));
    tx.write(
      `UPDATE webhook_recoveries SET reached = coalesce($3::uuid, reached), recovered = recovered + $4, owed_done = $5, ring_at = ${LATER}
       WHERE merchant_id = $1 AND id = $2`,
      [tx.merchantId, row.id, ids.at(-1) ?? null, ids.length, last],
    );
  }

  private async overGaps(tx: TenantTx, row: RecoveryRow): Promise<boolean> {
    const gap = await this.gaps.next(tx, row.id);
    if (!gap) {
      this.finish(tx, row.id);
      return false;
    }
    await this.owed.ring(tx, row.webhook_id);
    const count = await this.gaps.owe(tx, gap, BATCH);
    tx.write(`UPDATE webhook_recoveries SET recovered = recovered + $3, ring_at = ${LATER} WHERE merchant_id = $1 AND id = $2`, [
      tx.merchantId,
      row.id,
      count,
    ]);
    return true;
  }

  /** @param reason why it goes no further */
  private finish(tx: TenantTx, id: string, reason: string | null = null): void {
    tx.write(
      `UPDATE webhook_recoveries SET status = $3, reason = $4, finished_at = clock_timestamp(), ring_at = NULL
       WHERE merchant_id = $1 AND id = $2`,
      [tx.merchantId, id, reason === null ? 'done' : 'stopped', reason],
    );
  }

  private async read(tx: TenantTx, id: string, lock = ''): Promise<RecoveryRow | undefined> {
    const [row] = await tx.query<RecoveryRow>(
      `SELECT * FROM webhook_recoveries WHERE merchant_id = $1 AND id = $2 ${lock}`.trimEnd(),
      [tx.merchantId, id],
    );
    return row;
  }
}

/** When the sweep rings again, if whoever is at it dies. */
const LATER = `now() + interval '10 seconds'`;

/** It goes with its recoveries. */
function gone(error: unknown): undefined {
  if (error instanceof NotFoundError) return undefined;
  throw error;
}

const recoveryView = (row: RecoveryRow): RecoveryView => ({
  id: row.id,
  webhookId: row.webhook_id,
  since: row.since.toISOString(),
  status: row.status,
  recovered: row.recovered,
  ...(row.reason ? { reason: row.reason } : {}),
  createdAt: row.created_at.toISOString(),
  ...(row.finished_at ? { finishedAt: row.finished_at.toISOString() } : {}),
});
