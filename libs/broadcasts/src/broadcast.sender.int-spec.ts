import { parallel, withClient } from '@soko/testing';
import { expect, test } from 'vitest';
import { phoneOf, setupBroadcasts } from './broadcasts.fixture.js';
import { roomOf } from './pace.js';

/** What waits at most to leave by a simulator. */
const ROOM = roomOf({ kind: 'simulator', config: {}, status: 'connected' });

test('so many wait to leave as the channel has room for, and no more before some have left', async () => {
  const { crowd, start, run, get, leave } = await setupBroadcasts();
  await crowd(ROOM + 15);
  const { id } = await start();
  await run(id);
  expect((await get(id)).counts).toMatchObject({ queued: ROOM, waiting: 15 });
  await run(id);
  expect((await get(id)).counts).toMatchObject({ queued: ROOM, waiting: 15 });
  await leave(7);
  await run(id);
  expect((await get(id)).counts).toMatchObject({ sent: 7, queued: ROOM, waiting: 8 });
});

test('broadcasts on one channel share its room', async () => {
  const { crowd, start, run, get, leave } = await setupBroadcasts();
  await crowd(ROOM);
  const [one, two] = [await start(), await start()];
  await run(one.id);
  await run(two.id);
  expect((await get(two.id)).counts).toMatchObject({ queued: 0, waiting: ROOM });
  await leave(5);
  await run(two.id);
  expect((await get(two.id)).counts).toMatchObject({ queued: 5, waiting: ROOM - 5 });
});

test('each customer gets it once, in their language, under the template’s category; then it is done, and says so', async () => {
  const { customer, start, run, get, leave, texts, events, rows } = await setupBroadcasts();
  await customer({ name: 'Rudo' });
  await customer({ name: 'Awa', language: 'fr' });
  const { id } = await start();
  await run(id);
  expect((await get(id)).status).toBe('running');
  await leave(2);
  await run(id);
  await run(id);
  expect((await texts()).map(({ phone, text }) => [phone, text.replaceAll(/[\u2066-\u2069]/g, '')])).toEqual([
    [phoneOf(1), 'Dear Rudo: Rice is cheap today.'],
    [phoneOf(2), 'Cher Awa : Rice est bon marché.'],
  ]);
  expect(await rows('SELECT DISTINCT category, template_version FROM messages')).toEqual([
    { category: 'marketing', template_version: 1 },
  ]);
  expect(await get(id)).toMatchObject({ status: 'done', counts: { sent: 2 } });
  expect((await events()).at(-1)).toEqual({
    type: 'broadcast_finished',
    data: {
      broadcastId: id,
      name: 'Sale',
      status: 'done',
      counts: { waiting: 0, queued: 0, sent: 2, delivered: 0, read: 0, failed: 0, skipped: 0 },
    },
  });
});

test('whom we know by a chat comes first, however new they are', async () => {
  const { crowd, write, customer, start, sender, merchantId, texts } = await setupBroadcasts();
  await crowd(3);
  const { phone } = await customer();
  await write(phone, { type: 'text', text: { body: 'hi' } });
  const { id } = await start();
  await sender.step(merchantId, id);
  expect((await texts()).map((each) => each.phone)).toEqual([phone]);
});

test('consent is asked again when a message is queued: who wrote STOP, or was blocked, since the start is skipped', async () => {
  const { customer, start, run, write, rows, recipients, leave, get } = await setupBroadcasts();
  const [stops, blocked, stopped, withdrawn, stays] = [
    await customer(),
    await customer(),
    await customer(),
    await customer(),
    await customer(),
  ];
  const { id } = await start();
  await write(stops.phone, { type: 'text', text: { body: 'STOP' } });
  await rows('UPDATE contacts SET blocked_at = now() WHERE id = $1', [blocked.id]);
  await rows('UPDATE contacts SET marketing_stopped_at = now() WHERE id = $1', [stopped.id]);
  await rows('UPDATE contacts SET opted_in_at = NULL WHERE id = $1', [withdrawn.id]);
  await run(id);
  expect((await recipients(id)).map(({ phone, status, why }) => [phone, status, why?.code])).toEqual([
    [stops.phone, 'skipped', 'opted_out'],
    [blocked.phone, 'skipped', 'blocked'],
    [stopped.phone, 'skipped', 'marketing_stopped'],
    [withdrawn.phone, 'skipped', 'not_opted_in'],
    [stays.phone, 'queued', undefined],
  ]);
  await leave(1);
  await run(id);
  expect(await get(id)).toMatchObject({ status: 'done', counts: { sent: 1, skipped: 4 } });
});

test('who has no name, where the template cannot do without, is skipped, and told why', async () => {
  const { customer, start, run, recipients } = await setupBroadcasts();
  await customer({ name: null });
  await customer();
  const { id } = await start();
  await run(id);
  expect(await recipients(id)).toMatchObject([
    { status: 'skipped', why: { code: 'validation_failed', message: expect.stringMatching(/customer/) as string } },
    { status: 'queued' },
  ]);
});

test('paused, nothing more is queued; resumed, it goes on where it was', async () => {
  const { crowd, start, run, take, get, leave, texts } = await setupBroadcasts();
  await crowd(ROOM + 5);
  const { id } = await start();
  await run(id);
  await take(id, 'pause');
  await leave(ROOM);
  await run(id);
  expect(await get(id)).toMatchObject({ status: 'paused', counts: { sent: ROOM, waiting: 5 } });
  await take(id, 'resume');
  await run(id);
  await leave(5);
  await run(id);
  expect(await get(id)).toMatchObject({ status: 'done', counts: { sent: ROOM + 5 } });
  expect(new Set((await texts()).map(({ phone }) => phone)).size).toBe(ROOM + 5);
  expect(await texts()).toHaveLength(ROOM + 5);
});

test('cancelled, who waits gets nothing, and what is not on its way yet is taken back; what a sender has in hand goes on', async () => {
  const { crowd, start, run, take, get, leave, rows, events, recipients } = await setupBroadcasts();
  await crowd(ROOM + 5);
  const { id } = await start();
  await run(id);
  await leave(3);
  await rows(
    'UPDATE pending_sends SET attempts = 1 WHERE message_id = (SELECT message_id FROM pending_sends ORDER BY message_id LIMIT 1)',
  );
  const { status, counts } = await take(id, 'cancel');
  expect(status).toBe('cancelled');
  expect(counts).toMatchObject({ sent: 3, queued: 1, skipped: ROOM + 1, waiting: 0 });
  expect(await rows('SELECT 1 FROM pending_sends')).toHaveLength(1);
  expect((await recipients(id)).at(-1)).toMatchObject({ status: 'skipped', why: { code: 'cancelled' } });
  expect((await recipients(id))[10]).toMatchObject({ status: 'skipped', why: { code: 'cancelled' } });
  expect((await events()).at(-1)).toMatchObject({ type: 'broadcast_finished', data: { status: 'cancelled', counts } });
  await run(id);
  expect((await get(id)).counts).toEqual(counts);
});

test('workers that are rung at once write to each customer once', async () => {
  const { crowd, start, run, get, leave, texts } = await setupBroadcasts();
  await crowd(ROOM + 10);
  const { id } = await start();
  await parallel(4, () => run(id));
  expect((await get(id)).counts).toMatchObject({ queued: ROOM, waiting: 10 });
  await leave(ROOM);
  await parallel(4, () => run(id));
  await leave(10);
  await parallel(4, () => run(id));
  expect(await get(id)).toMatchObject({ status: 'done', counts: { sent: ROOM + 10 } });
  expect(new Set((await texts()).map(({ phone }) => phone)).size).toBe(ROOM + 10);
  expect(await texts()).toHaveLength(ROOM + 10);
});

test('a death between a message and its mark leaves neither: nobody is forgotten, nobody is written to twice', async () => {
  const { crowd, start, run, get, leave, texts, databaseUrl, recipients } = await setupBroadcasts();
  await crowd(10);
  const { id } = await start();
  const fifth = (await recipients(id))[4]!.contactId;
  await withClient(databaseUrl, (client) =>
    client.query(`
      CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'killed'; END $$;
      CREATE TRIGGER die BEFORE UPDATE ON broadcast_recipients FOR EACH ROW WHEN (OLD.contact_id = '${fifth}') EXECUTE FUNCTION die()`),
  );
  await expect(run(id)).rejects.toThrow('killed');
  expect((await get(id)).counts).toMatchObject({ queued: 4, waiting: 6 });
  expect(await texts()).toHaveLength(4);
  await withClient(databaseUrl, (client) => client.query('DROP TRIGGER die ON broadcast_recipients'));
  await run(id);
  await leave(10);
  await run(id);
  expect(await get(id)).toMatchObject({ status: 'done', counts: { sent: 10 } });
  expect(new Set((await texts()).map(({ phone }) => phone)).size).toBe(10);
});

test('what stands in everybody’s way pauses it, and says why; mended and resumed, it goes on', async () => {
  const { crowd, start, run, get, rows, take } = await setupBroadcasts();
  await crowd(2);
  const { id } = await start();
  await rows(`UPDATE message_templates SET status = 'archived'`);
  await run(id);
  expect(await get(id)).toMatchObject({
    status: 'paused',
    reason: expect.stringMatching(/is archived/) as string,
    counts: { waiting: 2 },
  });
  await rows(`UPDATE message_templates SET status = 'active'`);
  await take(id, 'resume');
  await run(id);
  const resumed = await get(id);
  expect(resumed).toMatchObject({ status: 'running', counts: { queued: 2 } });
  expect(resumed.reason).toBeUndefined();
});

test('an alarm for a broadcast that does not run does nothing', async () => {
  const { crowd, create, run, get } = await setupBroadcasts();
  await crowd(1);
  const { id } = await create();
  await run(id);
  expect(await get(id)).toMatchObject({ status: 'draft', counts: { queued: 0 } });
});
