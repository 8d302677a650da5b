import { newId } from '@soko/common';
import { DeadLetterRetry, DeadLetterService, DeadLettersModule } from '@soko/dead-letters';
import { ChannelService, MessageStore } from '@soko/messaging';
import { BusinessNumber, integration, signatureOf, startGraphApi } from '@soko/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { CloudHandshake, CloudWebhookService } from '../cloud/cloud-webhook.service.js';
import { InboundService } from './inbound.service.js';
import { WhatsappModule } from '../whatsapp.module.js';

async function setup() {
  const graph = await startGraphApi();
  onTestFinished(() => graph.close());
  const house = await integration({ imports: [WhatsappModule, DeadLettersModule] });
  const { module, tenancy, system } = house;
  const merchantId = await house.shop();
  const number = graph.number();
  const { phoneNumberId, accessToken, appSecret, verifyToken } = number;
  const channel = await module
    .get(ChannelService)
    .create(merchantId, { name: 'Shop', kind: 'cloud', config: { phoneNumberId, accessToken, appSecret, verifyToken } });
  const [webhooks, inbound, letters] = [
    module.get(CloudWebhookService),
    module.get(InboundService),
    module.get(DeadLetterService),
  ];
  const retries = module.get(DeadLetterRetry);
  const rows = <R extends object>(sql: string) => tenancy.run(merchantId, (tx) => tx.query<R>(sql));
  return {
    ...house,
    merchantId,
    number,
    channelId: channel.id,
    webhooks,
    letters,
    retry: (deadLetterId: string) => retries.retry({ merchantId, deadLetterId }),
    rows,
    count: async (table: string) => (await rows<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))[0]!.n,
    receive: (body: string | Buffer) =>
      signedCall(webhooks, channel.id, Buffer.from(body), signatureOf(appSecret, Buffer.from(body))),
    drain: () => inbound.drain({ merchantId, channelId: channel.id }),
    /** The one dead letter is due. */
    due: () => system.query(`UPDATE dead_letters SET due_at = now()`),
  };
}

const signedCall = async (webhooks: CloudWebhookService, channelId: string, body: Buffer, signature: string | undefined) =>
  webhooks.keep(await webhooks.verify({ params: { channelId }, query: {}, headers: { 'x-hub-signature-256': signature }, body }));

const webhookOf = (number: BusinessNumber, value: object): string =>
  JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [
      {
        changes: [
          {
            field: 'messages',
            value: { messaging_product: 'whatsapp', metadata: { phone_number_id: number.phoneNumberId }, ...value },
          },
        ],
      },
    ],
  });
const said = (id: string, body = 'hi', from = '263771234567') => ({ from, id, timestamp: '1', type: 'text', text: { body } });

test('what is signed is kept before anything is read, and rings; what is not signed is not kept', async () => {
  const { webhooks, receive, channelId, merchantId, number, rows, alarms, count } = await setup();
  const body = String.raw`{"entry":[],"x":"caf\u00e9 1\/2"}`;
  await receive(body);
  expect(await rows('SELECT body FROM inbound_deliveries')).toEqual([{ body }]);
  expect(await alarms('inbound_processing', 1)).toEqual([{ merchantId, channelId }]);
  const again = Buffer.from(JSON.stringify(JSON.parse(body)));
  await expect(signedCall(webhooks, channelId, again, signatureOf(number.appSecret, Buffer.from(body)))).rejects.toMatchObject({
    status: 401,
  });
  await expect(signedCall(webhooks, channelId, Buffer.from(body), undefined)).rejects.toMatchObject({ status: 401 });
  await expect(
    signedCall(webhooks, newId(), Buffer.from(body), signatureOf(number.appSecret, Buffer.from(body))),
  ).rejects.toMatchObject({ status: 404 });
  expect(await count('inbound_deliveries')).toBe(1);
});

test('a new app secret is believed at once', async () => {
  const { webhooks, receive, channelId, merchantId, module, count } = await setup();
  await receive('{"entry":[]}');
  await module.get(ChannelService).update(merchantId, channelId, { config: { appSecret: 'new-secret' } });
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const body = Buffer.from('{"entry":[]}');
  await signedCall(webhooks, channelId, body, signatureOf('new-secret', body));
  expect(await count('inbound_deliveries')).toBe(2);
});

test('the handshake: the challenge for the right token, 403 for any other, 404 where there is no channel', async () => {
  const { module, channelId, number } = await setup();
  const handshake = module.get(CloudHandshake);
  const ask = (more: object = {}, id = channelId) => {
    const asked = Object.entries({ mode: 'subscribe', verify_token: number.verifyToken, challenge: '42', ...more });
    const query = Object.fromEntries(asked.map(([name, value]) => [`hub.${name}`, value as unknown]));
    return handshake.verify({ params: { channelId: id }, query, headers: {}, body: Buffer.alloc(0) });
  };
  expect(await ask()).toBe('42');
  for (const wrong of [
    { verify_token: 'x' },
    { verify_token: undefined },
    { verify_token: ['a', 'b'] },
    { mode: 'unsubscribe' },
    { challenge: undefined },
  ])
    await expect(ask(wrong)).rejects.toMatchObject({ status: 403, code: 'handshake_refused' });
  await expect(ask({}, newId())).rejects.toMatchObject({ status: 404 });
});

const sorted = (all: { id: string; text: string }[]) => all.map(({ id, text }) => `${id} ${text}`).toSorted();
test('1,000 deliveries, each twice, in any order: each message once and in its right state', async () => {
  const { number, webhooks, channelId, drain, rows, count, merchantId, module, tenancy } = await setup();
  const store = module.get(MessageStore);
  // Messages of ours, of which receipts tell.
  const ours = await tenancy.run(merchantId, async (tx) => {
    const ids: string[] = [];
    for (let n = 0; n < 20; n += 1) {
      const { id } = await store.queue(tx, {
        channelId,
        to: `+26377200${1000 + n}`,
        content: { type: 'text', text: { body: 'Hello' } },
      });
      ids.push(id);
    }
    await tx.query(`UPDATE messages SET status = 'sending' WHERE direction = 'outbound'`);
    return ids;
  });
  const statuses = ours.flatMap((id, n) =>
    (['sent', 'delivered', 'read'] as const).map((status) =>
      webhookOf(number, {
        statuses: [{ id: `wamid.ours.${n}`, status, timestamp: '1', recipient_id: '263772', biz_opaque_callback_data: id }],
      }),
    ),
  );
  const made = number.makeDeliveries({ messages: 940, customers: 10, twice: true, shuffled: true, seed: 7 });
  const posts: { body: Buffer; signature: string }[] = [
    ...made.deliveries.map(({ body, headers }) => ({ body, signature: headers['x-hub-signature-256']! })),
    ...[...statuses, ...statuses].map((body) => ({ body: Buffer.from(body), signature: signatureOf(number.appSecret, body) })),
  ].toSorted(() => Math.random() - 0.5);
  expect(posts).toHaveLength(2_000);
  const took: number[] = [];
  for (let at = 0; at < posts.length; at += 20) {
    await Promise.all(
      posts.slice(at, at + 20).map(async ({ body, signature }) => {
        const start = performance.now();
        await signedCall(webhooks, channelId, body, signature);
        took.push(performance.now() - start);
      }),
    );
  }
  console.log(`median of a delivery, 20 at once: ${took.toSorted((a, b) => a - b)[1_000]!.toFixed(1)} ms`);
  const start = performance.now();
  // Alarms come from everywhere.
  await Promise.all(Array.from({ length: 5 }, drain));
  console.log(`2,000 deliveries stored in ${Math.round(performance.now() - start)} ms`);
  expect(await count('inbound_deliveries')).toBe(0);
  expect(await count('dead_letters')).toBe(0);
  const inbound = await rows<{ wa_message_id: string; text: string }>(
    `SELECT wa_message_id, text FROM messages WHERE direction = 'inbound'`,
  );
  expect(sorted(inbound.map((row) => ({ id: row.wa_message_id, text: row.text })))).toEqual(sorted(made.messages));
  expect(
    await rows(
      `SELECT count(*) AS n, count(DISTINCT status) AS states, min(status) AS status FROM messages WHERE direction = 'outbound'`,
    ),
  ).toEqual([{ n: 20, states: 1, status: 'read' }]);
}, 120_000);

test('one that cannot be stored does not take its batch along, nor its own body', async () => {
  const { number, receive, drain, count, rows, letters, module } = await setup();
  const store = module.get(MessageStore);
  const real = store.receive.bind(store);
  const poisoned = vi.spyOn(store, 'receive').mockImplementation(async (tx, channelId, incoming) => {
    // What the database itself refuses: the transaction is lost but for the savepoint.
    if (incoming.waMessageId === 'wamid.poison') await tx.query('SELECT 1 / 0');
    return real(tx, channelId, incoming);
  });
  for (let n = 0; n < 30; n += 1) {
    const messages = n === 13 ? [said('wamid.before'), said('wamid.poison'), said('wamid.after')] : [said(`wamid.${n}`)];
    await receive(webhookOf(number, { messages }));
  }
  await drain();
  expect(await count('inbound_deliveries')).toBe(0);
  expect(await count('messages')).toBe(31);
  expect(await rows(`SELECT count(*) AS n FROM events WHERE type = 'message_received'`)).toEqual([{ n: 31 }]);
  const { data } = await letters.list({ limit: 10 });
  expect(data).toMatchObject([{ kind: 'inbound_message', reason: 'division by zero', attempts: 0 }]);
  const { payload } = await letters.get(data[0]!.id);
  expect(JSON.parse(payload!)).toMatchObject({ kind: 'cloud', item: { message: { waMessageId: 'wamid.poison' } } });
  poisoned.mockRestore();
});

test('a database that fails for a moment is nobody’s fault: all is there for the next try', async () => {
  const { number, receive, drain, count, module } = await setup();
  await receive(webhookOf(number, { messages: [said('wamid.1'), said('wamid.2')] }));
  const failing = vi
    .spyOn(module.get(MessageStore), 'receive')
    .mockRejectedValue(Object.assign(new Error('shutting down'), { code: '57P01' }));
  await expect(drain()).rejects.toThrow('shutting down');
  expect(await count('inbound_deliveries')).toBe(1);
  expect(await count('dead_letters')).toBe(0);
  failing.mockRestore();
  await drain();
  expect(await count('messages')).toBe(2);
});

test('what was signed and is no JSON, and what is for another number, is put aside', async () => {
  const { number, receive, drain, count, letters } = await setup();
  await receive('{"entry":');
  await receive(webhookOf(number, { metadata: { phone_number_id: '7' }, messages: [said('wamid.1')] }));
  await receive(webhookOf(number, { messages: [said('wamid.2')] }));
  await drain();
  expect(await count('messages')).toBe(1);
  const { data } = await letters.list({ limit: 10 });
  expect(data.map(({ reason }) => reason)).toEqual([
    'it is for the number with the id 7, not this channel’s',
    expect.stringContaining('JSON') as string,
  ]);
  const { payload } = await letters.get(data[1]!.id);
  expect(JSON.parse(payload!)).toEqual({ kind: 'cloud', body: '{"entry":' });
});

test('a NUL and half characters in what a customer writes are stored as far as they can be', async () => {
  const { receive, drain, number, rows } = await setup();
  await receive(webhookOf(number, { messages: [said('wamid.1', 'a\0b\ud83c')] }));
  await receive('{"entry":[],"x":"\0"}');
  await drain();
  expect(await rows('SELECT text FROM messages')).toEqual([{ text: 'a\ufffdb\ufffd' }]);
});

test('a customer’s new number, and what they told WhatsApp about marketing', async () => {
  const { number, receive, drain, rows } = await setup();
  await receive(webhookOf(number, { messages: [said('wamid.1')] }));
  const system = { type: 'user_changed_number', wa_id: '263779999999' };
  await receive(webhookOf(number, { messages: [{ from: '263771234567', id: 'wamid.2', type: 'system', system }] }));
  await receive(webhookOf(number, { messages: [said('wamid.3', 'me again', '263779999999')] }));
  await drain();
  expect(await rows('SELECT phone FROM contacts')).toEqual([{ phone: '+263779999999' }]);
  expect(await rows('SELECT count(*) AS n FROM chats')).toEqual([{ n: 1 }]);
  const value = {
    metadata: { phone_number_id: number.phoneNumberId },
    user_preferences: [{ wa_id: '263779999999', category: 'marketing_messages', value: 'stop' }],
  };
  await receive(JSON.stringify({ entry: [{ changes: [{ field: 'user_preferences', value }] }] }));
  await drain();
  expect(await rows('SELECT marketing_stopped_at IS NOT NULL AS stopped FROM contacts')).toEqual([{ stopped: true }]);
});

test('two processes drain one channel: each message once, in its order', async () => {
  const { number, receive, drain, databaseUrl, rows, merchantId, channelId } = await setup();
  for (let n = 0; n < 120; n += 1) await receive(webhookOf(number, { messages: [said(`wamid.${n}`, String(n))] }));
  const other = await integration({ imports: [WhatsappModule], databaseUrl });
  const theirs = other.module.get(InboundService);
  await Promise.all([drain(), theirs.drain({ merchantId, channelId }), drain()]);
  const texts = await rows<{ text: string }>('SELECT text FROM messages ORDER BY seq');
  expect(texts.map(({ text }) => Number(text))).toEqual(Array.from({ length: 120 }, (_, n) => n));
});

test('a dead letter is tried by its schedule, put off for longer each time, and rests in the end', async () => {
  const { receive, drain, letters, retry, system, merchantId, due, rows, number, count, module, channelId } = await setup();
  await receive(webhookOf(number, { metadata: { phone_number_id: '7' }, messages: [said('wamid.1')] }));
  await drain();
  const [letter] = (await letters.list({ limit: 1 })).data;
  const waits = () =>
    system.query<{ attempts: number; minutes: number | null }>(
      `SELECT attempts, extract(epoch FROM ring_at - now())::float8 / 60 AS minutes FROM dead_letters`,
    );
  const [first] = await waits();
  expect(first!.minutes).toBeGreaterThan(3.9);
  expect(first!.minutes).toBeLessThan(6.1);
  // Not due yet: a lost alarm changes nothing.
  await retry(letter!.id);
  expect((await waits())[0]!.attempts).toBe(0);
  for (const [attempts, minutes] of [
    [1, 30],
    [2, 120],
    [3, 360],
    [4, 720],
  ] as const) {
    await due();
    await retry(letter!.id);
    const [row] = await waits();
    expect(row!.attempts).toBe(attempts);
    expect(row!.minutes! / minutes).toBeGreaterThan(0.79);
    expect(row!.minutes! / minutes).toBeLessThan(1.21);
  }
  await due();
  await retry(letter!.id);
  expect(await waits()).toEqual([{ attempts: 5, minutes: null }]);
  expect((await letters.list({ limit: 1 })).data[0]).not.toHaveProperty('nextTryAt');
  await retry(letter!.id);
  expect((await waits())[0]!.attempts).toBe(5);

  // Somebody puts right what was wrong and has it tried again.
  await module.get(ChannelService).update(merchantId, channelId, { config: { phoneNumberId: '77777' } });
  await module.get(ChannelService).update(merchantId, channelId, { config: { phoneNumberId: '77777' } });
  await letters.ring(letter!.id);
  await retry(letter!.id);
  expect((await waits())[0]!.attempts).toBe(6);
  await rows(`UPDATE channels SET config = '{"phoneNumberId":"7"}'`);
  await letters.ring(letter!.id);
  await retry(letter!.id);
  expect(await count('dead_letters')).toBe(0);
  expect(await count('inbound_failures')).toBe(0);
  expect(await count('messages')).toBe(1);
});

test('ops see the dead letters of all merchants, page by page, and discard them', async () => {
  const { receive, drain, letters, alarms, merchantId, count } = await setup();
  for (let n = 0; n < 5; n += 1) await receive(`nonsense ${n}`);
  await drain();
  const first = await letters.list({ limit: 3 });
  const rest = await letters.list({ limit: 3, cursor: first.pagination.nextCursor });
  const shown = await Promise.all([...first.data, ...rest.data].map(({ id }) => letters.get(id)));
  const seen = shown.map(({ payload }) => (JSON.parse(payload!) as { body: string }).body);
  expect(seen).toEqual(['nonsense 4', 'nonsense 3', 'nonsense 2', 'nonsense 1', 'nonsense 0']);
  expect((await letters.list({ limit: 9, merchantId })).data).toHaveLength(5);
  expect((await letters.list({ limit: 9, merchantId: newId() })).data).toEqual([]);
  await letters.ring(first.data[0]!.id);
  expect(await alarms('maintenance', 1)).toEqual([{ merchantId, deadLetterId: first.data[0]!.id }]);
  await letters.discard(first.data[0]!.id);
  expect([await count('dead_letters'), await count('inbound_failures')]).toEqual([4, 4]);
  await expect(letters.discard(first.data[0]!.id)).rejects.toMatchObject({ status: 404, code: 'dead_letter_not_found' });
  await expect(letters.ring(newId())).rejects.toMatchObject({ status: 404 });
});
