import { until, withClient } from '@soko/testing';
import { Client } from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { nextNumber, setup, text } from '../../../../test/support/baileys.js';

/** A customer who has written and was answered: each side has an open session. */
async function inTouch() {
  const house = await setup();
  const { phone, session } = await house.linked();
  const rudo = house.server.customer(nextNumber());
  const id = await rudo.write(phone, { text: 'hello' });
  await until('acknowledged', () => phone.acknowledged.has(id));
  await session.send(text(rudo, 'welcome'));
  await until('read', () => rudo.received.length === 1);
  return { ...house, phone, session, rudo };
}

test('a message leaves after the step that its session took is kept', async () => {
  const { databaseUrl, phone, session, rudo } = await inTouch();
  const locker = new Client({ connectionString: databaseUrl });
  await locker.connect();
  onTestFinished(() => locker.end());
  await locker.query('BEGIN; LOCK TABLE baileys_keys IN SHARE MODE');
  const before = phone.sent;
  const sending = session.send(text(rudo, 'later'));
  await until('waiting for the keys', async () => {
    const { rows } = await withClient(databaseUrl, (client) =>
      client.query(`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%baileys_keys%'`),
    );
    return rows.length > 0;
  });
  expect(phone.sent).toBe(before);
  await locker.query('COMMIT');
  await sending;
  await until('read', () => rudo.received.length === 2);
});

test('after a restart the session that stands is used, and no new one is opened', async () => {
  const { phone, session, rudo, opened } = await inTouch();
  const arrive = vi.spyOn(rudo, 'arrive');
  await session.close();
  const next = await opened();
  await next.send(text(rudo, 'again'));
  const id = await rudo.write(phone, { text: 'fine' });
  await until('acknowledged', () => phone.acknowledged.has(id));
  await next.send(text(rudo, 'good'));
  await until('read', () => rudo.received.length === 3);
  expect(arrive.mock.calls.map(([, { encrypted }]) => encrypted?.type)).toEqual(['msg', 'msg']);
  expect(rudo.unreadable).toEqual([]);
});

test('messages of an older session leave the newer one as it is', async () => {
  const { phone, session, rudo, journalled } = await inTouch();
  // What was under way when a phone asked for a message again belongs to the session before.
  rudo.failNext = 1;
  phone.hold();
  await session.send(text(rudo, 'unreadable at first'));
  await until('asked for again', () => rudo.unreadable.length === 1);
  const resent = phone.sent;
  const written: string[] = [];
  for (let n = 0; n < 5; n++) written.push(await rudo.write(phone, { text: `under way ${n}` }));
  phone.release();
  await until('acknowledged', () => written.every((id) => phone.acknowledged.has(id)));
  await until('sent again', () => phone.sent > resent);
  await session.send(text(rudo, 'and on'));
  await until('read', () => rudo.received.length === 3);
  expect(rudo.unreadable).toHaveLength(1);
  expect((await journalled()).slice(1)).toEqual(written);
});
