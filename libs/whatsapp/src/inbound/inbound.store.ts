import { Injectable } from '@nestjs/common';
import { NotFoundError } from '@soko/common';
import type { TenantTx } from '@soko/database';
import { ContactService, MessageStore, type Receipt, SendQueue } from '@soko/messaging';
import { CounterpartService } from '@soko/templates';
import { MediaUploads } from '../media-uploads.js';
import { FILE_ERRORS } from '../transport.js';
import type { InboundChannel, InboundItem } from './inbound-item.js';

/** An item that there is something to store of. */
export type GoodItem = Exclude<InboundItem, { rejected: unknown }>;
export type RejectedItem = Extract<InboundItem, { rejected: unknown }>;

export const isRejected = (item: InboundItem): item is RejectedItem => 'rejected' in item;

/** Stores what was read. All of it may be stored any number of times. */
@Injectable()
export class InboundStore {
  constructor(
    private readonly messages: MessageStore,
    private readonly sends: SendQueue,
    private readonly contacts: ContactService,
    private readonly counterparts: CounterpartService,
    private readonly uploads: MediaUploads,
  ) {}

  /** @throws NotFoundError */
  async channel(tx: TenantTx, id: string): Promise<InboundChannel> {
    const [channel] = await tx.query<InboundChannel>(
      'SELECT id, kind, phone, config FROM channels WHERE merchant_id = $1 AND id = $2',
      [tx.merchantId, id],
    );
    if (!channel) throw new NotFoundError('channel', id);
    return channel;
  }

  async apply(tx: TenantTx, channelId: string, item: GoodItem): Promise<void> {
    if ('message' in item) await this.messages.receive(tx, channelId, item.message);
    else if ('sentElsewhere' in item) await this.messages.sentElsewhere(tx, channelId, item.sentElsewhere);
    else if ('receipt' in item) await this.receipts(tx, channelId, [item.receipt]);
    else if ('marketing' in item) await this.contacts.setMarketingStopped(tx, item.marketing.address, item.marketing.stopped);
    else if ('template' in item) await this.counterparts.note(tx, item.template);
    else await this.contacts.renumber(tx, item.renumber.from, item.renumber.to);
  }

  async receipts(tx: TenantTx, channelId: string, receipts: Receipt[]): Promise<void> {
    if (receipts.length === 0) return;
    await this.sends.receipts(tx, channelId, receipts);
    const fileless = receipts.filter(({ error }) => FILE_ERRORS.includes(error?.code ?? ''));
    if (fileless.length > 0) {
      const waMessageIds = fileless.map(({ waMessageId }) => waMessageId);
      await this.uploads.forgetSent(tx, channelId, waMessageIds);
    }
  }
}
