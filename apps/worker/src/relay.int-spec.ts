import { Injectable } from '@nestjs/common';
import { newId } from '@soko/common';
import { botConnected, messageSent } from '@soko/contracts';
import { EventDataError } from '@soko/database';
import { HISTORY_CHANNEL, ReactionSink, Reacts, type RelayedEvent } from '@soko/queues';
import { gate, integration, type Integration, parallel, seeded, until, withClient } from '@soko/testing';
import { WebhookService, WebhookSink, WebhooksModule } from '@soko/webhooks';
import { expect, test, vi } from 'vitest';
import { Relay } from './relay.service.js';

@Injectable()
class Listening {
  @Reacts(botConnected, 'test.listening')
  async hear(): Promise<void> {}
}

const worker = (databaseUrl?: string) =>
  integration({ imports: [WebhooksModule], providers: [Relay, ReactionSink, Listening], databaseUrl });

/** Only the outbox, without a relay. */
const outbox = () => integration({ imports: [WebhooksModule] });

/** What the sinks of a worker are handed, in order; they do their work as ever. */
function handed({ module }: Integration) {
  const batches: { sink: string; events: RelayedEvent[] }[] = [];
  for (const [sink, token] of [
    ['reactions', ReactionSink],
    ['webhooks', WebhookSink],
  ] as const) {
    const instance = module.get<WebhookSink | ReactionSink>(token);
    const fanOut = instance.fanOut.bind(instance);
    vi.spyOn(instance, 'fanOut').mockImplementation(async (tx, events) => {
      await fanOut(tx, events);
      batches.push({ sink, events: events.map((event) => ({ ...event })) });
    });
  }
  return batches;
}

const emit = ({ tenancy }: Integration, merchantId: string, reasons: string[], channelId = newId()) =>
  tenancy.run(merchantId, async (tx) => {
    for (const reason of reasons) tx.outbox.emit(botConnected, { channelId, kind: 'simulator', reason });
  });

interface EventRow {
  id: string;
  reason: string;
  position: number | null;
  subject: string;
}
const history = ({ tenancy }: Integration, merchantId: string, order: 'id' | 'position' = 'id') =>
  tenancy.run(merchantId, (tx) =>
    tx.query<EventRow>(`SELECT id, data->>'reason' AS reason, position, subject FROM events ORDER BY ${order}`),
  );

test('events that waited are handed on in the order in which they were emitted, over several batches', async () => {
  const house = await outbox();
  const merchantId = await house.shop();
  const reasons = Array.from({ length: 500 }, (_, n) => String(n));
  await emit(house, merchantId, reasons);
  expect((await history(house, merchantId)).every(({ position }) => position === null)).toBe(true);
  await worker(house.databaseUrl);
  const events = await until('all events to be handed on', async () => {
    const rows = await history(house, merchantId);
    return rows.every(({ position }) => position !== null) && rows;
  });
  expect(events.map(({ reason }) => reason)).toEqual(reasons);
  expect(events.map(({ position }) => position)).toEqual(reasons.map((_, n) => n + 1));
});

test('with two relays at work every sink gets each event exactly once, those of one subject in their order', async () => {
  const seed = Date.now() % 1_000_000;
  console.log(`seed ${seed}`);
  const random = seeded(seed);
  const first = await worker();
  const second = await worker(first.databaseUrl);
  const batches = [handed(first), handed(second)];
  const shops = [await first.shop(), await first.shop()];
  const subjects = Array.from({ length: 8 }, (_, n) => ({ merchantId: shops[n % 2]!, channelId: newId(), emitted: 0 }));
  await parallel(8, async (n) => {
    const subject = subjects[n]!;
    for (let round = 0; round < 15; round += 1) {
      const reasons = Array.from({ length: 1 + Math.floor(random() * 3) }, () => String((subject.emitted += 1)));
      await emit(random() < 0.5 ? first : second, subject.merchantId, reasons, subject.channelId);
    }
  });
  const total = subjects.reduce((sum, { emitted }) => sum + emitted, 0);
  for (const sink of ['reactions', 'webhooks']) {
    const events = await until(`all events in ${sink}`, () => {
      const seen = batches.flat().filter((batch) => batch.sink === sink);
      const all = seen.flatMap((batch) => batch.events);
      return all.length >= total && all;
    });
    expect(new Set(events.map(({ id }) => id)).size, sink).toBe(total);
    expect(events.length, sink).toBe(total);
  }
  for (const { merchantId, channelId, emitted } of subjects) {
    const rows = (await history(first, merchantId, 'position')).filter(({ subject }) => subject === channelId);
    expect(rows.map(({ reason }) => Number(reason))).toEqual(Array.from({ length: emitted }, (_, n) => n + 1));
  }
  const positions = (await Promise.all(shops.map((id) => history(first, id)))).flat().map(({ position }) => position);
  expect(new Set(positions).size).toBe(total);
  for (const batch of batches.flat()) {
    const given = batch.events.map(({ position }) => position);
    expect(given).toEqual(given.toSorted((a, b) => a - b));
    expect(batch.events.map(({ id }) => id)).toEqual(batch.events.map(({ id }) => id).toSorted());
  }
});

test('while a sink fails the events stay in the outbox, and no other sink keeps what it was handed', async () => {
  const house = await worker();
  const merchantId = await house.shop();
  await house.module.get(WebhookService).create(merchantId, { url: 'http://127.0.0.1:9/', events: ['*'] });
  const batches = handed(house);
  const failing = vi.spyOn(house.module.get(WebhookSink), 'fanOut');
  const works = failing.getMockImplementation()!;
  failing.mockRejectedValue(new Error('not now'));
  await emit(house, merchantId, ['one', 'two']);
  await until('two tries', () => failing.mock.calls.length >= 2);
  expect((await history(house, merchantId)).map(({ position }) => position)).toEqual([null, null]);
  const reactions = () => house.tenancy.run(merchantId, (tx) => tx.query('SELECT event_id FROM event_reactions'));
  expect(await reactions()).toEqual([]);
  failing.mockImplementation(works);
  await until('the events to be handed on', async () => (await history(house, merchantId)).every(({ position }) => position));
  const events = (sink: string) => batches.filter((batch) => batch.sink === sink).flatMap((batch) => batch.events);
  expect(events('webhooks')).toHaveLength(2);
  const [drain] = await house.tenancy.run(merchantId, (tx) => tx.query<{ bell: number }>('SELECT bell FROM webhook_drains'));
  // Made with 1, and rung once: what failed left nothing.
  expect(drain).toEqual({ bell: 2 });
  expect(await reactions()).toHaveLength(2);
});

test('the active subscriptions of the same merchant that asked for the events are rung for, once for a batch', async () => {
  const house = await worker();
  const [mine, other] = [await house.shop(), await house.shop()];
  const webhooks = house.module.get(WebhookService);
  const create = async (merchantId: string, events: string[], active = true) =>
    (await webhooks.create(merchantId, { url: 'http://127.0.0.1:9/', events, active })).id;
  const rung = [
    await create(mine, ['*']),
    await create(mine, ['order_created', 'bot_connected']),
    await create(mine, ['*', 'bot_connected']),
  ];
  await create(mine, ['order_created']);
  await create(mine, ['*'], false);
  await create(other, ['*']);
  await emit(house, mine, ['one', 'two']);
  await until('the events to be handed on', async () => (await history(house, mine)).every(({ position }) => position));
  const alarms = await house.alarms('webhook_delivery', rung.length);
  expect(new Set(alarms)).toEqual(new Set(rung.map((webhookId) => ({ merchantId: mine, webhookId }))));
  const bells = (merchantId: string) =>
    house.tenancy.run(merchantId, (tx) =>
      tx.query<{ id: string }>('SELECT webhook_id AS id FROM webhook_drains WHERE bell > 1 AND rung_at IS NOT NULL'),
    );
  expect((await bells(mine)).map(({ id }) => id).toSorted()).toEqual(rung.toSorted());
  expect(await bells(other)).toEqual([]);
});

test('one that is at work is told, and one that is to be left alone is not woken; what it did not want is skipped', async () => {
  const house = await worker();
  const merchantId = await house.shop();
  const create = async () =>
    (await house.module.get(WebhookService).create(merchantId, { url: 'http://127.0.0.1:9/', events: ['bot_connected'] })).id;
  const [idle, held, broken] = [await create(), await create(), await create()];
  const set = (id: string, values: string) =>
    house.tenancy.run(merchantId, (tx) => tx.query(`UPDATE webhook_drains SET ${values} WHERE webhook_id = $1`, [id]));
  await set(idle, 'bell = 0');
  await set(held, `bell = 0, lease_until = now() + interval '1 minute'`);
  await set(broken, `breaker = 'open', breaker_until = now() + interval '1 minute', ring_at = now() + interval '1 minute'`);
  await withClient(house.databaseUrl, (client) => client.query(`SELECT setval('event_position', 100)`));
  await emit(house, merchantId, ['one']);
  expect(await house.alarms('webhook_delivery', 1)).toEqual([{ merchantId, webhookId: idle }]);
  const rows = await house.tenancy.run(merchantId, (tx) =>
    tx.query('SELECT webhook_id AS id, bell, cursor, rung_at IS NOT NULL AS rung FROM webhook_drains ORDER BY webhook_id'),
  );
  expect(rows).toEqual([
    { id: idle, bell: 1, cursor: 100, rung: true },
    { id: held, bell: 1, cursor: 0, rung: false },
    { id: broken, bell: 2, cursor: 0, rung: false },
  ]);
});

test('events of work that was rolled back are never handed on', async () => {
  const house = await worker();
  const merchantId = await house.shop();
  const batches = handed(house);
  const work = house.tenancy.run(merchantId, async (tx) => {
    tx.outbox.emit(botConnected, { channelId: newId(), kind: 'simulator', reason: 'lost' });
    // Written, and even so never committed.
    tx.outbox.flush();
    tx.outbox.emit(messageSent, {} as never);
  });
  await expect(work).rejects.toThrow(EventDataError);
  await emit(house, merchantId, ['kept']);
  await until('the event that was kept', () => batches.length >= 2);
  expect(batches.flatMap(({ events }) => events).map(({ type }) => type)).toEqual(['bot_connected', 'bot_connected']);
  expect((await history(house, merchantId)).map(({ reason }) => reason)).toEqual(['kept']);
});

test('when a relay has stopped the next one goes on where it was', async () => {
  const first = await worker();
  const merchantId = await first.shop();
  await emit(first, merchantId, ['one']);
  await until('the first event', async () => (await history(first, merchantId)).every(({ position }) => position === 1));
  await first.close();
  const second = await worker(first.databaseUrl);
  await emit(second, merchantId, ['two']);
  await until('the second event', async () => {
    const rows = await history(second, merchantId);
    return rows.length === 2 && rows.every(({ position }) => position !== null);
  });
  expect((await history(second, merchantId, 'position')).map(({ reason }) => reason)).toEqual(['one', 'two']);
});

test('what commits late gets a later place: whoever reads on from the last place they saw misses nothing', async () => {
  const house = await worker();
  const merchantId = await house.shop();
  const written = gate();
  const commit = gate();
  const late = house.tenancy.run(merchantId, async (tx) => {
    tx.outbox.emit(botConnected, { channelId: newId(), kind: 'simulator', reason: 'late' });
    await tx.flush();
    written.open();
    await commit.opened;
  });
  await written.opened;
  await emit(house, merchantId, ['one', 'two']);
  const read = (after: number) =>
    house.tenancy.run(merchantId, (tx) =>
      tx.query<EventRow>(
        `SELECT id, data->>'reason' AS reason, position, subject FROM events WHERE position > $1 ORDER BY position`,
        [after],
      ),
    );
  const seen = await until('those that have committed', async () => {
    const rows = await read(0);
    return rows.length === 2 && rows;
  });
  commit.open();
  await late;
  const [came, ...others] = await until('the late one', async () => {
    const rows = await read(seen.at(-1)!.position!);
    return rows.length > 0 && rows;
  });
  expect([came!.reason, others]).toEqual(['late', []]);
  // By ids alone it would have been passed over.
  expect(came!.id < seen[0]!.id).toBe(true);
});

test('with the commit the relay tells whose histories have grown', async () => {
  const house = await worker();
  const shops = [await house.shop(), await house.shop()];
  const heard: string[] = [];
  await withClient(house.databaseUrl, async (client) => {
    client.on('notification', ({ payload }) => heard.push(...payload!.split(',')));
    await client.query(`LISTEN ${HISTORY_CHANNEL}`);
    for (const shop of shops) await emit(house, shop, ['one', 'two']);
    await until('both', () => shops.every((shop) => heard.includes(shop)));
  });
  for (const shop of shops) expect((await history(house, shop)).every(({ position }) => position !== null)).toBe(true);
});
