import { newId } from '@soko/common';
import { orderStatusChanged, type OrderStatus, type OrderStatusChangedData } from '@soko/contracts';
import { ChannelService, ContactService, MessageStore, MessagingModule } from '@soko/messaging';
import { integration, parallel } from '@soko/testing';
import { TemplateNotFoundError, TemplateService, TemplatesModule } from '@soko/templates';
import { Log } from '@soko/observability';
import { HandlerRegistry, ReactionProcessor, ReactionSink } from '@soko/queues';
import { expect, test } from 'vitest';
import { DeliveriesModule, DeliveryService } from '@soko/deliveries';
import { OrdersModule } from '@soko/orders';
import { DeliveryNewsService } from './delivery-news.service.js';
import { OrderNewsService } from './order-news.service.js';

const PHONE = '+263771000001';

async function setup({ channel = true, templates = true } = {}) {
  const house = await integration({
    imports: [MessagingModule, TemplatesModule, OrdersModule, DeliveriesModule],
    providers: [OrderNewsService, DeliveryNewsService, ReactionSink],
  });
  const { tenancy, module, system } = house;
  const merchantId = await house.shop();
  if (channel) await module.get(ChannelService).create(merchantId, { name: 'Shop', kind: 'simulator' });
  if (templates) await tenancy.run(merchantId, (tx) => module.get(TemplateService).seed(tx, {} as never));
  const processor = new ReactionProcessor(tenancy, module.get(HandlerRegistry), module.get(Log));
  const rows = <R extends object>(sql: string) => tenancy.run(merchantId, (tx) => tx.query<R>(sql));
  let position = 0;
  const orderId = newId();
  return {
    ...house,
    merchantId,
    rows,
    /** Lets the order's status change, relayed, and runs the reaction as often as asked, at once. */
    change: async (status: OrderStatus, more: Partial<OrderStatusChangedData> = {}, times = 1) => {
      await tenancy.run(merchantId, async (tx) =>
        tx.outbox.emit(orderStatusChanged, {
          orderId,
          number: 7,
          status,
          previousStatus: 'pending',
          customerPhone: PHONE,
          customerName: 'Rudo',
          total: { amount: 2_500, currency: 'USD' },
          ...more,
        }),
      );
      const [event] = await rows<{ id: string }>(
        `SELECT id FROM events WHERE type = 'order_status_changed' ORDER BY id DESC LIMIT 1`,
      );
      const relayed = {
        merchantId,
        id: event!.id,
        type: orderStatusChanged.type,
        subject: orderId,
        position: (position += 1),
        requestId: null,
      };
      await system.run((tx) => module.get(ReactionSink).fanOut(tx, [relayed]));
      await parallel(times, () => processor.run({ merchantId, reaction: 'bot.order-news', subject: orderId }));
    },
    /** The order of the news, with a delivery in the hands of `by`. */
    delivery: async () => {
      const deliveries = module.get(DeliveryService);
      const by = { id: newId() };
      return tenancy.run(merchantId, async (tx) => {
        await tx.query(
          `INSERT INTO orders (merchant_id, id, number, status, customer_phone, customer_name, total_amount, currency)
           VALUES ($1, $2, 7, 'out_for_delivery', $3, 'Rudo', 2500, 'USD')`,
          [merchantId, orderId, PHONE],
        );
        await deliveries.follow(tx, { id: orderId, delivery: null }, 'confirmed', 'system');
        const { id } = await deliveries.start(tx, (await deliveries.ofOrder(tx, orderId))!.id, by);
        return { deliveries, by, id };
      });
    },
    /** Relays the newest event of a delivery. */
    started: async (id: string) => {
      const [event] = await rows<{ id: string }>(
        `SELECT id FROM events WHERE type = 'delivery_started' ORDER BY id DESC LIMIT 1`,
      );
      const relayed = {
        merchantId,
        id: event!.id,
        type: 'delivery_started',
        subject: id,
        position: (position += 1),
        requestId: null,
      };
      await system.run((tx) => module.get(ReactionSink).fanOut(tx, [relayed]));
      await processor.run({ merchantId, reaction: 'bot.delivery-news', subject: id });
    },
    words: async () => (await tenancy.run(merchantId, (tx) => module.get(DeliveryService).wordsFor(tx, orderId)))!,
    news: async () =>
      (await rows<{ text: string }>(`SELECT text FROM messages WHERE direction = 'outbound' ORDER BY seq`)).map(
        ({ text }) => text,
      ),
  };
}

test('each change of status is told once, by its template, in order', async () => {
  const { change, news } = await setup();
  await change('confirmed', {}, 10);
  await change('preparing', { previousStatus: 'confirmed' }, 5);
  await change('out_for_delivery', { previousStatus: 'preparing' });
  await change('delivered', { previousStatus: 'out_for_delivery' });
  await change('rejected', { reason: 'Maize meal is sold out' });
  await change('cancelled');
  expect(await news()).toEqual([
    expect.stringMatching(/^Order #7 is confirmed\n\nThank you, Rudo! Your order is confirmed\. Total: \$25\.00\./),
    'Order #7: preparing.',
    'Hello Rudo, news of your order #7: out for delivery.',
    'Hello Rudo, news of your order #7: delivered.',
    expect.stringMatching(/^Order #7 could not be confirmed\n\nWe are sorry, Rudo: Maize meal is sold out\./),
    'Order #7: cancelled.',
  ]);
});

test('the news are in the merchant’s language, and remember the version of the template that they were made of', async () => {
  const { change, news, rows } = await setup();
  await rows(`UPDATE merchants SET locale = 'fr-CI'`);
  await change('confirmed', { total: { amount: 125_000, currency: 'XOF' } });
  await rows(
    `UPDATE message_templates SET content = '{"body": "{{number}} : {{status}}, {{customer}}"}' WHERE name = 'delivery_update' AND language = 'fr'`,
  );
  await change('out_for_delivery');
  const [confirmed, delivering] = await news();
  expect(confirmed!.replaceAll(/\s+/g, ' ')).toMatch(/^La commande n° 7 est confirmée Merci, Rudo ! .* Total : 125 000 F CFA\./);
  expect(delivering).toBe('7 : en cours de livraison, Rudo');
  expect(
    await rows(
      `SELECT t.name, t.language, m.template_version AS version FROM messages m JOIN message_templates t ON t.id = m.template_id ORDER BY m.id`,
    ),
  ).toEqual([
    { name: 'order_confirmation', language: 'fr', version: 1 },
    { name: 'delivery_update', language: 'fr', version: 2 },
  ]);
});

test('with a driver on the way the customer gets the code and the link, in one message; no event has the code', async () => {
  const { change, delivery, started, words, news, rows } = await setup();
  const { id } = await delivery();
  await started(id);
  await change('out_for_delivery', { previousStatus: 'preparing' });
  const { code, trackingUrl } = await words();
  const [told, ...others] = await news();
  expect(others).toEqual([]);
  expect(told).toMatch(/^Order #7 is on its way\n\nHello Rudo, our driver has set out to you\./);
  expect(told).toContain(` the code ${code}.`);
  expect(told).toContain(trackingUrl);
  expect(await rows(`SELECT secret FROM messages`)).toEqual([{ secret: code }]);
  expect(JSON.stringify(await rows(`SELECT data FROM events WHERE type LIKE 'delivery_%'`))).not.toContain('"code"');
});

test('at another try the customer gets the new code; where the driver was quicker than the news there is none to give', async () => {
  const { change, delivery, started, words, news, tenancy, merchantId } = await setup();
  const { deliveries, by, id } = await delivery();
  await deliveries.fail(merchantId, id, by, 'Nobody at home');
  await deliveries.retry(merchantId, id, by);
  await change('out_for_delivery', { previousStatus: 'preparing' });
  await tenancy.run(merchantId, (tx) => deliveries.start(tx, id, by));
  await started(id);
  const { code } = await words();
  expect(await news()).toEqual([
    'Hello Rudo, news of your order #7: out for delivery.',
    expect.stringContaining(` the code ${code}.`),
  ]);
});

test('a customer without a name is addressed all the same', async () => {
  const { change, news } = await setup();
  await change('rejected', { customerName: undefined });
  expect(await news()).toEqual([expect.stringMatching(/We are sorry, dear customer: we cannot deliver it\./)]);
});

test('the news go by the channel on which the order was placed, else by the default one', async () => {
  const { change, rows, module, merchantId } = await setup();
  const second = await module.get(ChannelService).create(merchantId, { name: 'Second', kind: 'simulator' });
  await change('confirmed', { channelId: second.id });
  await change('cancelled');
  const [, standard] = await rows<{ name: string }>(
    'SELECT c.name FROM messages m JOIN channels c ON c.id = m.channel_id ORDER BY m.id',
  );
  expect(standard).toEqual({ name: 'Shop' });
  expect(await rows('SELECT channel_id FROM messages ORDER BY id LIMIT 1')).toEqual([{ channel_id: second.id }]);
});

test('a merchant without a channel has nobody to tell: nothing is sent and nothing is left to do', async () => {
  const { change, news, rows } = await setup({ channel: false });
  await change('confirmed');
  expect(await news()).toEqual([]);
  expect(await rows('SELECT * FROM event_reactions')).toEqual([]);
});

test('without a template the news wait, and say what is missing', async () => {
  const { change, news, rows, tenancy, merchantId, module } = await setup({ templates: false });
  await expect(change('confirmed')).rejects.toThrow(TemplateNotFoundError);
  expect(await news()).toEqual([]);
  const [waiting] = await rows<{ error: string }>('SELECT attempts, error FROM event_reactions');
  expect(waiting).toEqual({ attempts: 1, error: expect.stringMatching(/order_confirmation/) });
  await tenancy.run(merchantId, (tx) => module.get(TemplateService).seed(tx, {} as never));
  await rows('UPDATE event_reactions SET due_at = now()');
  await change('preparing');
  expect(await news()).toHaveLength(2);
});

test('the news go to the chat that the order came out of, whatever number it names; where that chat is no more, to the number', async () => {
  const { change, rows, module, merchantId, tenancy } = await setup();
  const second = await module.get(ChannelService).create(merchantId, { name: 'Second', kind: 'simulator' });
  await tenancy.run(merchantId, (tx) =>
    module.get(MessageStore).receive(tx, second.id, {
      waMessageId: newId(),
      from: { lid: '1' },
      content: { type: 'text', text: { body: 'hi' } },
    }),
  );
  const [chat] = await rows<{ id: string }>('SELECT id FROM chats');
  await change('confirmed', { chatId: chat!.id });
  expect(await rows(`SELECT chat_id FROM messages WHERE direction = 'outbound'`)).toEqual([{ chat_id: chat!.id }]);
  await change('cancelled', { chatId: newId() });
  expect(await rows('SELECT phone FROM contacts ORDER BY id')).toEqual([{ phone: null }, { phone: PHONE }]);
});

test('a customer whom the merchant has blocked hears nothing, and nothing is left to do', async () => {
  const { change, news, rows, module, merchantId } = await setup();
  await change('confirmed');
  const contacts = module.get(ContactService);
  const [contact] = (await contacts.list(merchantId, { limit: 1 })).data;
  await contacts.update(merchantId, contact!.id, { blocked: true });
  await change('cancelled');
  expect(await news()).toHaveLength(1);
  expect(await rows('SELECT * FROM event_reactions')).toEqual([]);
});

test('the news of an order on a channel that is no more go by the default one', async () => {
  const { change, rows, module, merchantId } = await setup();
  const second = await module.get(ChannelService).create(merchantId, { name: 'Second', kind: 'simulator' });
  await rows(`UPDATE channels SET deleted_at = now() WHERE id = '${second.id}'`);
  await change('confirmed', { channelId: second.id });
  expect(await rows('SELECT c.name FROM messages m JOIN channels c ON c.id = m.channel_id')).toEqual([{ name: 'Shop' }]);
});
