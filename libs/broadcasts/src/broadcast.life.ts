import { Injectable } from '@nestjs/common';
import { broadcastFinished, broadcastStarted, runBroadcast } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { ScheduleService } from '@soko/messaging';
import { type BroadcastRow, eventData } from './broadcast.row.js';
import { type BroadcastAction, broadcastTransition } from './broadcast-state.js';
import { BroadcastStore, CANCELLED } from './broadcast.store.js';
import { BroadcastTransitionError } from './broadcasts.errors.js';

/** Takes the steps of a broadcast's life, with all that belongs to each, in the transaction that holds its lock. */
@Injectable()
export class BroadcastLife {
  constructor(
    private readonly store: BroadcastStore,
    private readonly schedule: ScheduleService,
  ) {}

  /** @param reason why it pauses by itself. @throws BroadcastTransitionError */
  async take(tx: TenantTx, row: BroadcastRow, action: BroadcastAction, reason: string | null = null): Promise<void> {
    const to = broadcastTransition(row.status, action);
    if (!to) throw new BroadcastTransitionError(row.status, action);
    await this.store.move(tx, row.id, to, reason);
    if (action === 'start') {
      const recipients = await this.store.fixRecipients(tx, row);
      tx.outbox.emit(broadcastStarted, { ...eventData(row), recipients });
    }
    if (action === 'cancel') await this.takeBack(tx, row);
    if (to === 'running') tx.wake(runBroadcast, { merchantId: tx.merchantId, broadcastId: row.id });
    // What was never started has nothing to tell.
    if ((to === 'done' || to === 'cancelled') && row.started_at) {
      tx.outbox.emit(broadcastFinished, { ...eventData(row), status: to, counts: await this.store.counts(tx, row.id) });
    }
  }

  /** Who waits gets nothing, and neither does whose message no sender has taken in hand yet. */
  private async takeBack(tx: TenantTx, { id }: BroadcastRow): Promise<void> {
    await this.schedule.withdraw(tx, await this.store.unsentOf(tx, id));
    await this.store.skip(tx, id, CANCELLED);
  }
}
