import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { parallel } from '../parallel.js';
import { startReceiver } from '../receiver.js';
import { until } from '../until.js';
import { signatureOf } from './envelope.js';
import { changesIn, setup, type Webhook } from './spec-setup.js';

const counts = (ids: (string | undefined)[]) => {
  const found: Record<string, number> = {};
  for (const id of ids) found[id!] = (found[id!] ?? 0) + 1;
  return found;
};

describe("Meta's handshake", () => {
  it.each([
    ['the challenge as text', 'text/plain', (challenge: string) => challenge, 200, true],
    ['the challenge as JSON', 'application/json', (challenge: string) => challenge, 200, false],
    ['another text', 'text/plain', () => 'ok', 200, false],
    ['the challenge with 201', 'text/plain', (challenge: string) => challenge, 201, false],
  ])('%s', async (_, type, body, status, verified) => {
    const { createServer } = await import('node:http');
    const { graph, number } = await setup();
    const queries: URLSearchParams[] = [];
    const server = createServer((request, response) => {
      const query = new URL(request.url!, 'http://localhost').searchParams;
      queries.push(query);
      response.writeHead(status, { 'content-type': type }).end(body(query.get('hub.challenge')!));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    number.webhookUrl = `http://127.0.0.1:${(server.address() as { port: number }).port}/webhooks/whatsapp/1`;
    expect(await number.verify()).toBe(verified);
    expect([queries[0]!.get('hub.mode'), queries[0]!.get('hub.verify_token')]).toEqual(['subscribe', number.verifyToken]);
    await graph.close();
    server.close();
  });
});

describe('what customers write', () => {
  it('comes as Meta sends it', async () => {
    const { receiver, number } = await setup();
    const customer = number.customer('+263771234567', { name: 'Rudo' });
    const id = await customer.write({ text: 'Hi' }, { timestamp: 1_795_000_000, context: 'wamid.before' });
    expect(JSON.parse(receiver.calls[0]!.body)).toEqual({
      object: 'whatsapp_business_account',
      entry: [
        {
          id: number.wabaId,
          changes: [
            {
              value: {
                messaging_product: 'whatsapp',
                metadata: { display_phone_number: '263780000001', phone_number_id: number.phoneNumberId },
                contacts: [{ profile: { name: 'Rudo' }, wa_id: '263771234567' }],
                messages: [
                  {
                    context: { from: '263780000001', id: 'wamid.before' },
                    from: '263771234567',
                    id,
                    timestamp: '1795000000',
                    type: 'text',
                    text: { body: 'Hi' },
                  },
                ],
              },
              field: 'messages',
            },
          ],
        },
      ],
    });
  });

  it('hides the number of a person with a username', async () => {
    const { receiver, number } = await setup();
    const customer = number.customer('+263771234567', { name: 'Rudo', userId: 'US.abc', username: 'rudo', phoneHidden: true });
    await customer.write({ text: 'Hi' });
    const [change] = changesIn(receiver.calls[0]!);
    expect(change!.value.contacts).toEqual([{ profile: { name: 'Rudo', username: 'rudo' }, user_id: 'US.abc' }]);
    expect(change!.value.messages![0]).toMatchObject({ from_user_id: 'US.abc' });
    expect(receiver.calls[0]!.body).not.toContain('263771234567');
  });

  it('can be everything that a phone can send', async () => {
    const { number, call, send, messages } = await setup();
    const customer = number.customer('+263771234567');
    const reply = { type: 'reply', reply: { id: 'yes', title: 'Yes' } };
    const sections = [{ rows: [{ id: 'maize', title: 'Maize', description: '10 kg' }] }];
    const asked = await send({ interactive: { type: 'button', body: { text: '?' }, action: { buttons: [reply] } } });
    await send({ interactive: { type: 'list', body: { text: '?' }, action: { button: 'Open', sections } } });
    const line = { product_retailer_id: 'MAIZE', quantity: 2, item_price: 5, currency: 'USD' };
    await customer.write({ buttonReply: 'yes' });
    await customer.write({ listReply: 'maize' });
    await customer.write({ buttonReply: { id: 'no', title: 'No' } });
    await customer.write({ button: { payload: 'p', text: 'Go' } });
    await customer.write({ image: { caption: 'Look', bytes: Buffer.from('\u00FF\u00D8 a jpeg', 'latin1') } });
    await customer.write({ document: { bytes: Buffer.from('%PDF'), filename: 'a.pdf' } });
    await customer.write({ location: { latitude: -17.8, longitude: 31 } });
    await customer.write({ contacts: [{ name: { formatted_name: 'Tendai' } }] });
    await customer.write({ order: { product_items: [line] } });
    await customer.write({ unsupported: true });
    await customer.write({ system: { type: 'user_changed_number', wa_id: '263770000000' } });
    await customer.write({ raw: { type: 'poll', poll: {} } }, { id: 'wamid.mine' });
    const told = messages();
    expect(told).toMatchObject([
      {
        context: { id: asked.body.messages![0]!.id },
        interactive: { type: 'button_reply', button_reply: { id: 'yes', title: 'Yes' } },
      },
      { interactive: { type: 'list_reply', list_reply: { id: 'maize', title: 'Maize', description: '10 kg' } } },
      { interactive: { button_reply: { id: 'no', title: 'No' } } },
      { type: 'button', button: { payload: 'p', text: 'Go' } },
      { type: 'image', image: { caption: 'Look', mime_type: 'image/jpeg' } },
      { type: 'document', document: { mime_type: 'application/pdf', filename: 'a.pdf' } },
      { type: 'location', location: { latitude: -17.8 } },
      { type: 'contacts', contacts: [{ name: { formatted_name: 'Tendai' } }] },
      { type: 'order', order: { product_items: [line] } },
      { type: 'unsupported', errors: [{ code: 131051 }] },
      { type: 'system', system: { type: 'user_changed_number', wa_id: '263770000000' } },
      { type: 'poll', id: 'wamid.mine' },
    ]);
    const image = told[4]!.image as { id: string };
    expect((await call('GET', `/${image.id}`)).body).toMatchObject({ mime_type: 'image/jpeg', file_size: 9 });
    await expect(customer.write({ buttonReply: 'never sent' })).rejects.toThrow(/sent nothing/);
  });

  it('tells a stop of marketing messages by a field of its own', async () => {
    const { number, changes } = await setup();
    await number.customer('+263771234567').prefers('stop');
    expect(changes()).toMatchObject([
      { field: 'user_preferences', value: { user_preferences: [{ wa_id: '263771234567', value: 'stop' }] } },
    ]);
  });

  it('needs an endpoint', async () => {
    const { number } = await setup({ webhookUrl: undefined });
    number.webhookUrl = undefined;
    await expect(number.customer('+263771234567').write({ text: 'Hi' })).rejects.toThrow(/webhookUrl/);
  });
});

describe('signatures', () => {
  it('hold for the bytes and not for the same JSON written again', async () => {
    const { receiver, number, signed } = await setup();
    await number.customer('+263771234567', { name: 'Zoë 🌽' }).write({ text: '1/2 kg' });
    const [call] = receiver.calls;
    expect(call!.body).toContain(String.raw`Zo\u00eb \ud83c\udf3d`);
    expect(call!.body).toContain(String.raw`1\/2 kg`);
    expect(signed(call!)).toBe(true);
    const again = JSON.stringify(JSON.parse(call!.body));
    expect(call!.headers['x-hub-signature-256']).not.toBe(signatureOf(number.appSecret, again));
  });

  it('break for every customer without a name of its own as well', async () => {
    const { receiver, number } = await setup();
    await number.customer('+263771234567').write({ text: 'Hi' });
    const [call] = receiver.calls;
    expect(JSON.stringify(JSON.parse(call!.body))).not.toBe(call!.body);
  });
});

describe('statuses', () => {
  it('follow a send, with what was sent along, and end with read for those that read', async () => {
    const { number, send, statuses } = await setup();
    number.customer('+263771234567', { reads: true });
    const [one, two] = [
      await send({ text: { body: 'Hi' }, biz_opaque_callback_data: 'our-1' }),
      await send(undefined, '+263770000000'),
    ];
    const told = await until('5 statuses', () => statuses().length === 5 && statuses());
    const of = (answer: typeof one) => told.filter(({ id }) => id === answer.body.messages![0]!.id);
    expect(of(one).map(({ status }) => status)).toEqual(['sent', 'delivered', 'read']);
    expect(of(two).map(({ status }) => status)).toEqual(['sent', 'delivered']);
    expect(of(one)[0]).toMatchObject({
      recipient_id: '263771234567',
      timestamp: expect.stringMatching(/^\d{10}$/),
      pricing: { category: 'service' },
      biz_opaque_callback_data: 'our-1',
    });
  });

  it('can be told by hand or not at all', async () => {
    const { number, send, statuses } = await setup();
    number.statuses = 'manual';
    const { id } = (await send()).body.messages![0]!;
    await number.status(id, 'read');
    await number.status(id, 'delivered');
    await number.status(id, 'failed', 131026);
    expect(statuses()).toMatchObject([
      { status: 'read' },
      { status: 'delivered' },
      { status: 'failed', errors: [{ code: 131026 }] },
    ]);
    await expect(number.status('wamid.other', 'read')).rejects.toThrow(/no message/);
  });
});

/** 12 messages of 3 customers that wait for `flushWebhooks()`. */
const held = async (settings: object) => {
  const found = await setup();
  found.number.webhooks = { late: true, ...settings };
  const writes = Array.from({ length: 12 }, (_, n) =>
    found.number.customer(`+26377000000${n % 3}`).write({ text: String(n) }, { id: `wamid.${n}` }),
  );
  await nextTurn();
  expect([found.receiver.calls.length, found.number.undelivered]).toEqual([0, 12]);
  await found.number.flushWebhooks();
  await Promise.all(writes);
  expect(found.number.undelivered).toBe(0);
  return { ...found, ids: found.messages().map(({ id }) => id) };
};

describe('the order and number of deliveries', () => {
  const inOrder = Array.from({ length: 12 }, (_, n) => `wamid.${n}`);

  it('plain: each once, in a body of its own, those of one customer in order', async () => {
    const { receiver, messages } = await held({});
    expect(receiver.calls).toHaveLength(12);
    for (const from of ['263770000000', '263770000001', '263770000002']) {
      const numbers = messages()
        .filter((message) => message.from === from)
        .map(({ text }) => Number(text!.body));
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    }
  });

  it('plain: the next of one customer waits for the answer, those of others do not', async () => {
    const open: string[] = [];
    const seen: string[][] = [];
    const { number } = await setup({
      answer: (response, call) => {
        const { from } = changesIn(call)[0]!.value.messages![0]!;
        open.push(from!);
        seen.push([...open]);
        setTimeout(() => {
          open.splice(open.indexOf(from!), 1);
          response.end();
        }, 10);
      },
    });
    await parallel(12, (n) => number.customer(`+26377000000${n % 3}`).write({ text: String(n) }));
    expect(seen.filter((froms) => new Set(froms).size < froms.length)).toEqual([]);
    expect(seen.some((froms) => froms.length === 3)).toBe(true);
  });

  it('batched: full bodies of several entries', async () => {
    const { receiver, ids } = await held({ batched: 5, concurrency: 1 });
    expect(ids).toEqual(inOrder);
    expect(receiver.calls.map((call) => changesIn(call).length)).toEqual([5, 5, 2]);
    expect((JSON.parse(receiver.calls[0]!.body) as Webhook).entry.map(({ changes }) => changes.length)).toEqual([3, 2]);
  });

  it('batched, with several messages in one change', async () => {
    const { receiver } = await held({ batched: 2, perChange: 3 });
    const sizes = receiver.calls.map((call) =>
      changesIn(call).map(({ value }) => [value.messages!.length, value.contacts!.length]),
    );
    expect(sizes).toEqual([
      [
        [3, 3],
        [3, 3],
      ],
      [
        [3, 3],
        [3, 3],
      ],
    ]);
  });

  it('doubled: each delivery twice, byte for byte', async () => {
    const { receiver, ids } = await held({ doubled: true });
    expect(counts(ids)).toEqual(Object.fromEntries(inOrder.map((id) => [id, 2])));
    expect(Object.values(counts(receiver.calls.map(({ body }) => body)))).toEqual(inOrder.map(() => 2));
  });

  it('shuffled: each once, in another order, the same for the same seed', async () => {
    const [one, two] = [await held({ shuffled: true, concurrency: 1 }), await held({ shuffled: true, concurrency: 1 })];
    expect(one.ids).not.toEqual(inOrder);
    expect(one.ids).toEqual(two.ids);
    expect(one.ids.toSorted()).toEqual(inOrder.toSorted());
  });

  it('doubled, shuffled and batched at once', async () => {
    const { receiver, ids } = await held({ doubled: true, shuffled: true, batched: 4 });
    expect(counts(ids)).toEqual(Object.fromEntries(inOrder.map((id) => [id, 2])));
    expect(receiver.calls).toHaveLength(6);
  });

  it('late: a share stays behind until flushed', async () => {
    const { number, messages } = await setup();
    number.webhooks = { late: 0.5 };
    const writes = Array.from({ length: 40 }, (_, n) =>
      number.customer('+263771234567').write({ text: 'Hi' }, { id: `wamid.${n}` }),
    );
    const early = await until(
      'those in time',
      () => messages().length + number.undelivered === 40 && messages().length > 0 && messages().length,
    );
    expect(early).toBeLessThan(40);
    await number.flushWebhooks();
    await Promise.all(writes);
    expect(new Set(messages().map(({ id }) => id)).size).toBe(40);
  });

  it('delayed: what comes within the delay shares a body', async () => {
    const { receiver, number } = await setup();
    number.webhooks = { delayMs: 30, batched: 10 };
    await parallel(10, (n) => number.customer(`+26377000000${n}`).write({ text: 'Hi' }));
    expect(receiver.calls).toHaveLength(1);
  });
});

describe('an endpoint that fails', () => {
  it('is tried again until it answers 2xx, with the same bytes', async () => {
    let failures = 3;
    const { receiver, number, signed } = await setup({
      answer: (response) => {
        failures -= 1;
        response.writeHead(failures >= 0 ? 500 : 200).end();
      },
    });
    await number.customer('+263771234567').write({ text: 'Hi' });
    expect(receiver.calls).toHaveLength(4);
    expect(new Set(receiver.calls.map(({ body }) => body)).size).toBe(1);
    expect(receiver.calls.every(signed)).toBe(true);
    expect(number.outbox.stats).toMatchObject({ posted: 4, accepted: 1, failed: 3, lastFailure: expect.stringContaining('500') });
  });

  it('is tried again when it does not listen or does not answer', async () => {
    const { number } = await setup();
    const gone = await startReceiver();
    await gone.close();
    number.webhookUrl = gone.url;
    const written = number.customer('+263771234567').write({ text: 'Hi' });
    await until('a failure', () => number.outbox.stats.failed > 0);
    expect(number.undelivered).toBe(1);
    let silent = true;
    const receiver = await startReceiver((response) => void (silent || response.end()));
    number.webhooks = { timeoutMs: 50 };
    number.webhookUrl = receiver.url;
    await until('a call without an answer', () => receiver.calls.length > 0);
    silent = false;
    await written;
    expect(number.undelivered).toBe(0);
    await receiver.close();
  });

  it('does not hold back other messages', async () => {
    const { number } = await setup({
      answer: (response, { body }) => void response.writeHead(body.includes('bad') ? 500 : 200).end(),
    });
    const customer = number.customer('+263771234567');
    const bad = customer.write({ text: 'bad' });
    await customer.write({ text: 'good' });
    expect(number.undelivered).toBe(1);
    number.outbox.close();
    await expect(bad).rejects.toThrow(/stopped/);
  });
});
