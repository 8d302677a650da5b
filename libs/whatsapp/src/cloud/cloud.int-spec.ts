import type { OutboundContent } from '@soko/contracts';
import { ChatService, MessageStore, SendQueue } from '@soko/messaging';
import { type BusinessNumber, holdShards, until } from '@soko/testing';
import { describe, expect, it, test } from 'vitest';
import { InboundService } from '../inbound/inbound.service.js';
import { CloudWebhookService } from './cloud-webhook.service.js';
import { HELLO, PHONE, setup } from '../../../../test/support/cloud.js';

test('opens once Meta has shown the number to the token, and tells the number', async () => {
  const { opened, reports, readies, number } = await setup();
  await opened();
  expect(reports).toEqual([{ status: 'connecting' }, { status: 'connected', phone: '+263780000001' }]);
  expect(readies()).toBe(1);
  expect(number.requests.by).toMatchObject({ info: 1, message: 0 });
});

test('a message is handed over with our id, what it answers and the bearer token, and Meta’s id comes back', async () => {
  const { opened, message, received, number } = await setup();
  const session = await opened();
  const asked = number.customer(PHONE).compose({ text: 'hi' }).id;
  const sent = message({ replyTo: { waMessageId: asked, fromUs: false, text: 'hi' } });
  const waMessageId = await session.send(sent);
  expect(received()).toMatchObject([{ id: waMessageId, text: 'Hello 🌽', callbackData: sent.messageId, context: asked }]);
  expect(number.requests.latest.at(-1)!.path).toBe(`/v26.0/${number.phoneNumberId}/messages`);
  await session.markRead!({ phone: PHONE }, asked, true);
  expect(number.marks).toMatchObject([{ messageId: asked, typing: true }]);
});

test('a person without a number is written to by user id', async () => {
  const { opened, message, number } = await setup();
  const hidden = number.customer('+263772222222', { userId: 'US.777', phoneHidden: true });
  const session = await opened();
  await session.send(message({ to: { userId: 'US.777' } }));
  expect(hidden.received).toHaveLength(1);
});

const FATES: [what: string, fault: (number: BusinessNumber) => void, fate: string, code: string][] = [
  ['an error that passes', (n) => n.failNext(1, { code: 131000 }), 'retry', 'network_trouble'],
  ['throughput', (n) => n.failNext(1, { code: 130429, retryAfter: 7 }), 'wait', 'rate_limited'],
  ['a person who had too many', (n) => n.failNext(1, { code: 131056 }), 'wait', 'pair_rate_limited'],
  ['no WhatsApp', (n) => n.failNext(1, { code: 131026 }), 'failed', 'recipient_unreachable'],
  ['a template that is missing', (n) => n.failNext(1, { code: 132001 }), 'failed', 'template_missing'],
  ['a file', (n) => n.failNext(1, { code: 131053 }), 'failed', 'media_refused'],
  ['marketing', (n) => n.failNext(1, { code: 131049 }), 'wait', 'marketing_limited'],
  ['an answer that does not come', (n) => n.hangNext(1), 'doubt', 'no_answer'],
  ['an answer that comes too late', (n) => n.hangNext(1, 5_000), 'doubt', 'no_answer'],
  ['a connection that breaks before it is done', (n) => n.dropNext(1, 'before'), 'doubt', 'no_answer'],
  ['a connection that breaks after it is done', (n) => n.dropNext(1, 'after'), 'doubt', 'no_answer'],
];
test.each(FATES)('%s: the fate of the message is told, and the next one goes', async (_, fault, fate, code) => {
  const { opened, message, number, received } = await setup();
  const session = await opened();
  fault(number);
  await expect(session.send(message())).rejects.toMatchObject({ fate, code });
  expect(session.sends).toBe(true);
  const before = received().length;
  await session.send(message({ contactId: 'tino' }));
  expect(received()).toHaveLength(before + 1);
});

test('Retry-After is kept to; one person’s limit grows by fours and is over after a message that went out', async () => {
  const { opened, message, number } = await setup();
  const session = await opened();
  number.failNext(1, { code: 130429, retryAfter: 7 });
  await expect(session.send(message())).rejects.toMatchObject({ afterMs: 7_000 });
  number.failNext(1, { code: 131056 });
  await expect(session.send(message())).rejects.toMatchObject({ afterMs: 4_000 });
  // Not even asked, and nobody else waits for it.
  const asked = number.requests.by.message;
  await expect(session.send(message())).rejects.toMatchObject({ code: 'pair_rate_limited', fate: 'wait' });
  expect(number.requests.by.message).toBe(asked);
  await session.send(message({ contactId: 'tino' }));
});

test('while Meta cannot be reached nothing has gone out: retry', async () => {
  const { opened, message, graph } = await setup();
  const session = await opened();
  await graph.refuse();
  await expect(session.send(message())).rejects.toMatchObject({ fate: 'retry', code: 'unreachable' });
  await graph.listen();
  await session.send(message());
});

test('a 503 that is no JSON is an answer: retry', async () => {
  const { opened, message, graph } = await setup();
  const session = await opened();
  graph.down = true;
  await expect(session.send(message())).rejects.toMatchObject({ fate: 'retry', code: 'network_trouble' });
});

describe('the window', () => {
  const day = 24 * 3_600_000;

  it('is closed 24 hours after the customer’s last message: no call, and advice what can be sent', async () => {
    const { opened, message, number, tenancy, merchantId } = await setup();
    const session = await opened();
    const old = { lastInboundAt: new Date(Date.now() - day - 1_000) };
    await expect(session.send(message(old))).rejects.toMatchObject({
      fate: 'failed',
      code: 'window_closed',
      message: expect.stringContaining('No active template names its counterpart') as string,
    });
    await tenancy.run(merchantId, (tx) =>
      tx.query(
        `INSERT INTO message_templates (merchant_id, name, type, language, category, status, content, cloud)
         SELECT $1, name, 'text', 'en', 'utility', status, '{"body":"x"}', cloud::jsonb
         FROM (VALUES ('order_ready', 'active', '{"name":"order_ready","language":"en"}'), ('old_one', 'archived', '{"name":"old","language":"en"}'),
                      ('inside_alone', 'active', NULL)) AS t (name, status, cloud)`,
        [merchantId],
      ),
    );
    await expect(session.send(message({ lastInboundAt: null }))).rejects.toMatchObject({
      message:
        'The customer has not written yet: WhatsApp takes only templates now. Templates with a counterpart at Meta: order_ready.',
    });
    expect(number.requests.by.message).toBe(0);
    await session.send(message({ lastInboundAt: new Date(Date.now() - day + 60_000) }));
  });

  it('that Meta finds closed is the same to the merchant', async () => {
    const { opened, message, number } = await setup();
    const session = await opened();
    number.failNext(1, { code: 131047 });
    await expect(session.send(message())).rejects.toMatchObject({
      fate: 'failed',
      code: 'window_closed',
      message: expect.stringContaining('PATCH /api/templates/:id') as string,
    });
  });
});

test('what Meta would not take is not sent', async () => {
  const { opened, message, number } = await setup();
  const session = await opened();
  const content: OutboundContent = { type: 'text', text: { body: 'x'.repeat(4_097) } };
  await expect(session.send(message({ content }))).rejects.toMatchObject({ fate: 'failed', code: 'content_too_long' });
  expect(number.requests.by.message).toBe(0);
});

test('the number’s rate and the person’s burst are kept, so that Meta has nothing to refuse', async () => {
  const { opened, message, number } = await setup({ config: { messagesPerSecond: 20 } });
  // A busy machine brings some closer together.
  number.rate = 24;
  number.pairRate = true;
  const session = await opened();
  const all = await Promise.allSettled(
    Array.from({ length: 80 }, (_, n) => session.send(message({ contactId: `c${n}`, to: { phone: `+26377100${1000 + n}` } }))),
  );
  const failed = all.filter((each) => each.status === 'rejected');
  expect(number.requests.codes).toEqual({});
  expect(failed.every(({ reason }) => (reason as { code: string }).code === 'rate_limited')).toBe(true);
  expect(all.length - failed.length).toBeGreaterThanOrEqual(36);
}, 20_000);

describe('a channel that Meta refuses', () => {
  it('at the start has failed, with what to do about it, and an alarm', async () => {
    const { open, reports, readies } = await setup({ before: (number) => number.failNext(1, { code: 190, on: 'info' }) });
    const session = await open();
    await until('the report', () => reports.length === 2);
    expect(reports[1]).toMatchObject({
      status: 'failed',
      alarm: true,
      reason: expect.stringContaining('put in a new one') as string,
    });
    expect(session.sends).toBe(false);
    expect(readies()).toBe(0);
  });

  it('with a wrong number id has failed too', async () => {
    const { open, reports, channel } = await setup();
    channel.config.phoneNumberId = '123456';
    await open();
    await until('the report', () => reports.length === 2);
    expect(reports[1]).toMatchObject({ status: 'failed', reason: expect.stringContaining('check phoneNumberId') as string });
  });

  it('that Meta lets send nothing has failed, though the token is right', async () => {
    const { open, reports } = await setup({
      before: (number) => (number.info = { health_status: { can_send_message: 'BLOCKED' } }),
    });
    await open();
    await until('the report', () => reports.length === 2);
    expect(reports[1]).toMatchObject({ status: 'failed', alarm: true });
  });

  it('in the middle takes no more messages; those that met it wait and fail not; one alarm for all of them', async () => {
    const { opened, message, number, reports } = await setup();
    const session = await opened();
    number.failNext(5, { code: 131042 });
    const all = await Promise.allSettled(Array.from({ length: 5 }, (_, n) => session.send(message({ contactId: `c${n}` }))));
    for (const each of all)
      expect(each).toMatchObject({ status: 'rejected', reason: { fate: 'wait', code: 'billing_problem', afterMs: 300_000 } });
    expect(session.sends).toBe(false);
    expect(reports.filter(({ status }) => status === 'failed')).toMatchObject([{ alarm: true }]);
    await expect(session.send(message())).rejects.toMatchObject({ fate: 'wait', code: 'channel_disconnected' });
  });

  it('is looked at again, and sends again', async () => {
    const { open, reports, readies } = await setup({ before: (number) => number.failNext(1, { code: 131005, on: 'info' }) });
    const session = await open();
    await until('the report', () => reports.length === 2);
    // Five minutes later.
    await (session as unknown as { look: () => Promise<void> }).look();
    expect(session.sends).toBe(true);
    expect(reports.at(-1)).toMatchObject({ status: 'connected' });
    expect(readies()).toBe(1);
  });
});

test('while Meta is away the channel is connecting, and comes back by itself', async () => {
  const { open, reports, graph } = await setup();
  graph.down = true;
  const session = await open();
  await until('the report', () => reports.length === 2);
  expect(reports[1]).toMatchObject({ status: 'connecting', reason: expect.stringContaining('fault of its own') as string });
  graph.down = false;
  await until('the session', () => session.sends);
  expect(reports.at(-1)).toMatchObject({ status: 'connected' });
});

test('a session that was closed reports nothing and sends nothing any more', async () => {
  const { open, reports, message } = await setup();
  const session = await open();
  await session.close();
  const told = reports.length;
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(reports).toHaveLength(told);
  await expect(session.send(message())).rejects.toMatchObject({ fate: 'wait', code: 'channel_disconnected' });
});

test('when most calls fail Meta is left alone: messages wait, without a call', async () => {
  const { opened, message, graph, number, system } = await setup();
  const session = await opened();
  graph.down = true;
  for (let n = 0; n < 12; n += 1) await session.send(message({ contactId: `c${n}` })).catch(() => undefined);
  const calls = graph.requests;
  await expect(session.send(message())).rejects.toMatchObject({ fate: 'wait', code: 'network_away' });
  await expect(session.send(message())).rejects.toHaveProperty('afterMs');
  expect(graph.requests).toBe(calls);
  expect(await system.query('SELECT state, trips FROM breakers')).toEqual([{ state: 'open', trips: 1 }]);
  // Its time is over, and Meta is back.
  graph.down = false;
  await system.query('UPDATE breakers SET open_until = now()');
  await new Promise((resolve) => setTimeout(resolve, 1_050));
  await session.send(message({ contactId: 'again' }));
  expect(number.customer(PHONE).received).toHaveLength(1);
  expect(await system.query('SELECT state, trips FROM breakers')).toEqual([{ state: 'closed', trips: 0 }]);
});

test('a doubt is over when the status webhook comes: the message was sent once, and never again', async () => {
  const { opened, module, tenancy, system, merchantId, channel, number, received } = await setup();
  const session = await opened();
  const lease = await holdShards(system);
  const [sends, webhooks] = [module.get(SendQueue), module.get(CloudWebhookService)];
  const { chatId, id } = await tenancy.run(merchantId, async (tx) => {
    await module.get(MessageStore).receive(tx, channel.id, {
      waMessageId: 'wamid.0',
      from: { phone: PHONE },
      content: { type: 'text', text: { body: 'hi' } },
    });
    return module.get(MessageStore).queue(tx, { channelId: channel.id, to: PHONE, content: HELLO });
  });
  const [{ shard } = { shard: 0 }] = await tenancy.run(merchantId, (tx) =>
    tx.query<{ shard: number }>('SELECT shard FROM channels'),
  );
  const claim = () => tenancy.run(merchantId, (tx) => sends.claim(tx, chatId, lease(shard)));
  const send = (await claim())!;
  number.dropNext(1, 'after');
  const error = await session.send(send).catch((thrown: unknown) => thrown as { code: string; message: string; fate: 'doubt' });
  if (typeof error === 'string') throw new Error('it was sent');
  await tenancy.run(merchantId, (tx) => sends.settle(tx, send, { kind: error.fate, code: error.code, message: error.message }));
  expect(await claim()).toBeUndefined();

  const [{ id: wamid } = { id: '' }] = received();
  for (const { body, headers } of number.makeDeliveries({ messages: 0, statusesFor: [wamid], shuffled: true }).deliveries)
    await webhooks.keep(await webhooks.verify({ params: { channelId: channel.id }, query: {}, headers, body }));
  await module.get(InboundService).drain({ merchantId, channelId: channel.id });
  expect(await module.get(ChatService).message(merchantId, id)).toMatchObject({ status: 'read', waMessageId: wamid });
  expect(await claim()).toBeUndefined();
  expect(await tenancy.run(merchantId, (tx) => tx.query('SELECT 1 FROM pending_sends'))).toEqual([]);
  expect(received()).toHaveLength(1);
});
