import { startReceiver, until } from '@soko/testing';
import { expect, onTestFinished, test } from 'vitest';
import { nextNumber, setup, text } from '../../../../test/support/baileys.js';

test.each([428, 408, 503, 500] as const)('%d: connected again soon, and nobody is alarmed', async (code) => {
  const { linked, reports, state, journalled, server } = await setup();
  const { phone, session } = await linked();
  await until('told', () => reports.at(-1)?.status === 'connected' && state.readies === 1);
  reports.length = 0;
  phone.close(code);
  await until('connected again', () => state.readies === 2);
  expect(reports).toMatchObject([{ status: 'connecting' }, { status: 'connected' }]);
  expect(reports.some(({ alarm }) => alarm)).toBe(false);
  expect(session.sends).toBe(true);
  expect(phone.overlaps).toBe(0);
  const rudo = server.customer(nextNumber());
  const id = await rudo.write(phone, { text: 'Still there?' });
  await until('journalled', async () => (await journalled()).includes(id));
  expect(await session.send(text(rudo, 'Yes'))).toBeDefined();
});

test('515: a new connection at once, and not a word about it', async () => {
  const { linked, reports, state } = await setup({ timings: { reconnect: 60_000 } });
  const { phone } = await linked();
  await until('told', () => state.readies === 1);
  reports.length = 0;
  phone.close(515);
  await until('connected again', () => state.readies === 2);
  expect(reports).toMatchObject([{ status: 'connected' }]);
});

test('three failures in a row: the merchant is told once, it goes on, and comes back when WhatsApp does', async () => {
  const { server, linked, reports, state, journalled } = await setup();
  const { phone, session } = await linked();
  await until('told', () => state.readies === 1);
  reports.length = 0;
  server.down = true;
  phone.close(428);
  await until('told', () => reports.at(-1)?.status === 'failed');
  expect(reports.map(({ status, alarm = false }) => [status, alarm])).toEqual([
    ['connecting', false],
    ['connecting', false],
    ['failed', true],
  ]);
  expect(session.sends).toBe(false);
  await until('a further try', () => reports.length >= 4);
  server.down = false;
  await until('connected again', () => state.readies === 2);
  expect(reports.at(-1)).toMatchObject({ status: 'connected' });
  const id = await server.customer(nextNumber()).write(phone, { text: 'Hi' });
  await until('journalled', async () => (await journalled()).includes(id));
});

test.each([
  [440, 'failed', 'kept'],
  [403, 'failed', 'kept'],
  [411, 'failed', 'kept'],
  [405, 'failed', 'kept'],
  [401, 'logged_out', 'wiped'],
] as const)('%d: it stops as %s, says why, and does not come back', async (code, status, keys) => {
  const { linked, reports, kept, transport } = await setup();
  const { phone, session } = await linked();
  await until('the keys', async () => (await kept()).keys > 800);
  if (code === 401) phone.removeDevice();
  else phone.close(code);
  await until('stopped', () => reports.at(-1)?.stopped);
  expect(reports.at(-1)).toMatchObject({ status, alarm: true, reason: expect.stringMatching(/.{20,}/) });
  expect(session.sends).toBe(false);
  const { creds, keys: left } = await kept();
  expect([creds, left > 800]).toEqual(keys === 'kept' ? [1, true] : [0, false]);
  // Ten times the wait before a reconnect.
  const { length } = reports;
  await expect(until('another connection', () => phone.sockets.length > 2, 10 * transport.timings.reconnect)).rejects.toThrow(
    'did not come',
  );
  expect(reports.length).toBe(length);
});

test('a login that is refused as banned stops too', async () => {
  const { linked, reports, open } = await setup();
  const { phone, session } = await linked();
  await session.close();
  phone.refuseLogins(1, 403);
  await open();
  await until('stopped', () => reports.at(-1)?.stopped);
  expect(reports.at(-1)).toMatchObject({ status: 'failed', alarm: true });
});

test.each([401, 403, 405, 503])(
  'HTTP %d from a proxy on the way is not WhatsApp speaking: it goes on trying and keeps its keys',
  async (http) => {
    const { server, linked, reports, state, kept } = await setup();
    const { phone } = await linked();
    await until('told', () => state.readies === 1);
    server.down = http;
    phone.close(428);
    await until('tried for long', () => reports.some(({ status }) => status === 'failed'));
    expect(reports.some(({ stopped }) => stopped)).toBe(false);
    expect((await kept()).creds).toBe(1);
    server.down = false;
    await until('connected again', () => state.readies === 2);
  },
);

test('a server that takes the connection and never says a word', async () => {
  const { server, linked, state, reports, transport } = await setup();
  const { phone } = await linked();
  await until('told', () => state.readies === 1);
  // Short for the silent connections alone: a slow machine needs longer for those that stand.
  const { open } = transport.timings;
  transport.timings.open = 300;
  phone.deaf = 'pings';
  phone.close(428);
  await until('given up', () => reports.some(({ reason }) => reason?.includes('does not answer')));
  phone.deaf = false;
  transport.timings.open = open;
  await until('connected again', () => state.readies === 2);
  expect(server.errors).toEqual([]);
});

test('logout: the device is gone at the server, the session stays silent, and forgetting wipes the rest', async () => {
  const { linked, reports, state, transport, channel, kept } = await setup();
  const { phone, session } = await linked();
  await until('told', () => state.readies === 1);
  reports.length = 0;
  await session.logout!();
  await until('removed', () => !phone.linked);
  expect(reports).toEqual([]);
  expect((await kept()).creds).toBe(1);
  await transport.forget(channel, state.lease!);
  expect(await kept()).toEqual({ creds: 0, keys: 0 });
});

test('logout while it reconnects ends at once', async () => {
  const { server, linked, state, reports } = await setup({ timings: { reconnect: 60_000 } });
  const { phone, session } = await linked();
  await until('told', () => state.readies === 1);
  server.down = true;
  phone.close(428);
  await until('noticed', () => reports.at(-1)?.status === 'connecting');
  const before = performance.now();
  await session.logout!();
  expect(performance.now() - before).toBeLessThan(1_000);
});

test('close while connecting, to a server that never answers: at once, and nothing is told afterwards', async () => {
  const silent = await startReceiver(() => undefined);
  onTestFinished(() => silent.close());
  const { open, reports } = await setup({ env: { WHATSAPP_WEB_URL: silent.url.replace('http', 'ws') } });
  const session = await open();
  await until('connecting', () => reports.length === 1);
  const before = performance.now();
  await session.close();
  expect(performance.now() - before).toBeLessThan(1_000);
  const { length } = reports;
  await expect(until('another report', () => reports.length > length, 300)).rejects.toThrow('did not come');
});
