import { newId } from '@soko/common';
import type { InboundContent } from '@soko/contracts';
import { ChannelService, MessageStore } from '@soko/messaging';
import { integration } from '@soko/testing';
import { BroadcastProcessor } from './broadcast.processor.js';
import { BroadcastSender } from './broadcast.sender.js';
import { BroadcastService } from './broadcast.service.js';
import { BroadcastPreviewService } from './broadcast-preview.service.js';
import type { CreateBroadcastBody } from './broadcasts.dto.js';
import { BroadcastsModule } from './broadcasts.module.js';

/* A shop with customers on a real database, for tests. */

/** What a test says about a customer: somebody who has agreed to marketing, unless it says otherwise. */
interface Somebody {
  name?: string | null;
  language?: string;
  tags?: string[];
  /** A column of consent, set. */
  but?: 'blocked_at' | 'opted_out_at' | 'marketing_stopped_at' | 'nothing agreed';
}

export const phoneOf = (n: number): string => `+2637712${String(n).padStart(5, '0')}`;
const SALE = { en: 'Dear {{customer}}: {{what}} is cheap today.', fr: 'Cher {{customer}} : {{what}} est bon marché.' };

const body = (more: Partial<CreateBroadcastBody> = {}): CreateBroadcastBody => ({
  name: 'Sale',
  templateName: 'sale',
  variables: { what: 'Rice' },
  segment: {},
  ...more,
});

export async function setupBroadcasts() {
  const house = await integration({ imports: [BroadcastsModule] });
  const { tenancy, module } = house;
  const merchantId = await house.shop();
  const channel = await module.get(ChannelService).create(merchantId, { name: 'Shop', kind: 'simulator' });
  const [broadcasts, sender] = [module.get(BroadcastService), module.get(BroadcastSender)];
  const rows = <R extends object>(sql: string, values: unknown[] = []) =>
    tenancy.run(merchantId, (tx) => tx.query<R>(sql, values));
  const template = (name: string, category: string, { language = 'en', body = SALE.en } = {}) =>
    rows(
      `INSERT INTO message_templates (merchant_id, name, language, type, category, status, content, variables)
       VALUES ($1, $2, $3, 'text', $4, 'active', $5, $6)`,
      [
        merchantId,
        name,
        language,
        category,
        JSON.stringify({ body }),
        JSON.stringify([
          { name: 'customer', type: 'text', example: 'Rudo' },
          { name: 'what', type: 'text', example: 'Rice', default: 'all' },
        ]),
      ],
    );
  await template('sale', 'marketing');
  await template('sale', 'marketing', { language: 'fr', body: SALE.fr });
  let known = 0;
  const customer = async ({ name = 'Rudo', language, tags = [], but }: Somebody = {}) => {
    const [row] = await rows<{ id: string }>(
      `INSERT INTO contacts (merchant_id, id, phone, name, language, tags, opted_in_at) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`,
      [
        merchantId,
        newId(),
        phoneOf((known += 1)),
        name,
        language ?? null,
        tags,
        but === 'nothing agreed' || but === 'opted_out_at' ? null : new Date(),
      ],
    );
    if (but && but !== 'nothing agreed') await rows(`UPDATE contacts SET ${but} = now() WHERE id = $1`, [row!.id]);
    return { id: row!.id, phone: phoneOf(known) };
  };
  return {
    ...house,
    merchantId,
    channel,
    broadcasts,
    sender,
    rows,
    template,
    customer,
    body,
    crowd: async (count: number) => {
      for (let n = 0; n < count; n += 1) await customer();
    },
    preview: (more: Partial<CreateBroadcastBody> = {}) => {
      const { name: _, ...asked } = body(more);
      return module.get(BroadcastPreviewService).preview(merchantId, asked);
    },
    create: (more?: Partial<CreateBroadcastBody>) => broadcasts.create(merchantId, body(more)),
    start: async (more?: Partial<CreateBroadcastBody>) => {
      const { id } = await broadcasts.create(merchantId, body(more));
      return broadcasts.take(merchantId, id, 'start');
    },
    take: (id: string, action: Parameters<BroadcastService['take']>[2]) => broadcasts.take(merchantId, id, action),
    get: (id: string) => broadcasts.get(merchantId, id),
    recipients: async (id: string) => (await broadcasts.recipients(merchantId, id, { limit: 100 })).data,
    /** What a worker does when the alarm rings. */
    run: (id: string) => new BroadcastProcessor(sender).run({ merchantId, broadcastId: id }),
    /** So many of the messages that wait have gone out, the oldest first. */
    leave: (count: number) =>
      rows(
        `WITH gone AS (
           DELETE FROM pending_sends WHERE message_id IN (SELECT message_id FROM pending_sends ORDER BY message_id LIMIT $1)
           RETURNING message_id
         ) UPDATE messages m SET status = 'sent' FROM gone WHERE m.id = gone.message_id`,
        [count],
      ),
    write: (phone: string, content: InboundContent) =>
      tenancy.run(merchantId, (tx) =>
        module.get(MessageStore).receive(tx, channel.id, { waMessageId: newId(), from: { phone }, content }),
      ),
    /** Texts of all messages to customers, by number. */
    texts: () =>
      rows<{ phone: string; text: string }>(
        `SELECT c.phone, m.text FROM messages m JOIN chats h ON h.id = m.chat_id JOIN contacts c ON c.id = h.contact_id
         WHERE m.direction = 'outbound' ORDER BY m.id`,
      ),
    events: () =>
      rows<{ type: string; data: Record<string, unknown> }>(
        `SELECT type, data FROM events WHERE type LIKE 'broadcast%' ORDER BY id`,
      ),
  };
}
