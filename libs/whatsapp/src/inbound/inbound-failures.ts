import { Injectable } from '@nestjs/common';
import { newId } from '@soko/common';
import type { TenantTx } from '@soko/database';
import { DeadLetters, type Revival, Revives, Shows } from '@soko/dead-letters';
import { InboundFormats } from './inbound-formats.js';
import type { InboundChannel, InboundItem } from './inbound-item.js';
import { InboundStore, isRejected } from './inbound.store.js';

/** Read already and not stored, or not even read. */
type Failed = { item: InboundItem } | { body: string };
type Payload = Failed & { kind: InboundChannel['kind'] };

/** What was received and could not be stored: a dead letter each. It is tried again by a schedule, then whenever ops ask for it. */
@Injectable()
export class InboundFailures {
  constructor(
    private readonly formats: InboundFormats,
    private readonly store: InboundStore,
  ) {}

  async put(tx: TenantTx, channel: InboundChannel, failed: Failed, error: unknown): Promise<void> {
    const [reference, { merchantId }] = [newId(), tx];
    const payload: Payload = { kind: channel.kind, ...failed };
    tx.write('INSERT INTO inbound_failures (merchant_id, id, channel_id, payload) VALUES ($1, $2, $3, $4)', [
      merchantId,
      reference,
      channel.id,
      JSON.stringify(payload),
    ]);
    await DeadLetters.bury(tx, { merchantId, kind: 'inbound_message', reference, subjectId: channel.id, reason: error });
  }

  @Revives('inbound_message')
  async revive(tx: TenantTx, reference: string): Promise<Revival> {
    const row = await this.find(tx, reference);
    if (row) await this.deliver(tx, row.channel_id, row.payload);
    return 'done';
  }

  /** What was read of it, or the body that could not be read. */
  @Shows('inbound_message')
  async show(tx: TenantTx, reference: string): Promise<string | undefined> {
    return (await this.find(tx, reference))?.payload;
  }

  private async find(tx: TenantTx, id: string): Promise<{ channel_id: string; payload: string } | undefined> {
    const [row] = await tx.query<{ channel_id: string; payload: string }>(
      'SELECT channel_id, payload FROM inbound_failures WHERE merchant_id = $1 AND id = $2',
      [tx.merchantId, id],
    );
    return row;
  }

  private async deliver(tx: TenantTx, channelId: string, text: string): Promise<void> {
    const payload = JSON.parse(text) as Payload;
    // As the channel is now: its settings may be what was wrong.
    const channel = await this.store.channel(tx, channelId);
    const items = 'item' in payload ? [payload.item] : this.formats.read(payload.body, channel);
    for (const item of items) {
      if (isRejected(item)) throw new Error(item.rejected.reason);
      await this.store.apply(tx, channelId, item);
    }
  }
}
