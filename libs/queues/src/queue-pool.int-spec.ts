import { until, integration, withClient } from '@soko/testing';
import { Pool } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { QueuePool } from './queue-pool.js';

async function setup() {
  const { databaseUrl } = await integration({});
  const inner = new Pool({ connectionString: databaseUrl, max: 4 });
  const pool = new QueuePool(inner);
  pool.on('error', () => undefined);
  onTestFinished(() => pool.end());
  const borrow = async () => {
    const client = await pool.connect();
    const heard: string[] = [];
    const errors: Error[] = [];
    client.on('notification', ({ payload }) => heard.push(payload));
    client.on('error', (error: Error) => errors.push(error));
    await client.query('LISTEN news');
    return { client, heard, errors };
  };
  return {
    inner,
    borrow,
    tell: (what: string) => withClient(databaseUrl, (client) => client.query(`SELECT pg_notify('news', $1)`, [what])),
    cut: (client: Awaited<ReturnType<typeof borrow>>['client']) =>
      client
        .query('SELECT pg_backend_pid() AS pid')
        .then(({ rows }) => withClient(databaseUrl, (other) => other.query('SELECT pg_terminate_backend($1)', [rows[0].pid]))),
  };
}

test('all who listen share one connection, and each hears everything', async () => {
  const { inner, borrow, tell } = await setup();
  const all = await Promise.all([borrow(), borrow(), borrow()]);
  expect(inner.totalCount).toBe(1);
  await tell('one');
  await until('the news', () => all.every(({ heard }) => heard.length === 1));
  all[0].client.release();
  await tell('two');
  await until('more news', () => all[2].heard.length === 2);
  expect(all.map(({ heard }) => heard)).toEqual([['one'], ['one', 'two'], ['one', 'two']]);
});

test('the last one gives it back, and it is not used again, for it listens', async () => {
  const { inner, borrow } = await setup();
  const [one, two] = [await borrow(), await borrow()];
  one.client.release();
  one.client.release();
  expect(inner.totalCount).toBe(1);
  two.client.release();
  await until('none', () => inner.totalCount === 0);
});

test('when it is lost all of them are told, and who borrows then gets another', async () => {
  const { borrow, tell, cut } = await setup();
  const [one, two] = [await borrow(), await borrow()];
  await cut(one.client);
  await until('the loss', () => one.errors.length > 0 && two.errors.length > 0);
  for (const { client } of [one, two]) client.release();
  const three = await borrow();
  await tell('again');
  await until('the news', () => three.heard.length === 1);
  expect(one.heard).toEqual([]);
});
