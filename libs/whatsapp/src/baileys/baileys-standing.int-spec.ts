import { getEventListeners } from 'node:events';
import { until } from '@soko/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { nextNumber, setup, text } from '../../../../test/support/baileys.js';

const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
const QUICK_KEEPALIVE = { WHATSAPP_WEB_KEEPALIVE_S: '1' };

test('a connection that has gone deaf is noticed within keepalive + 5 s, and made anew', async () => {
  const { server, linked, state, journalled } = await setup({ env: QUICK_KEEPALIVE });
  const { phone } = await linked();
  await until('told', () => state.readies === 1);
  const before = performance.now();
  phone.deaf = true;
  const id = await server.customer(nextNumber()).write(phone, { text: 'Hello?' });
  const sockets = phone.sockets.length;
  await until('closed', () => phone.sockets.at(sockets - 1)!.closedAt !== undefined);
  // The clock is looked at once per keepalive.
  expect(performance.now() - before).toBeLessThan(8_000);
  phone.deaf = false;
  await until('connected again', () => state.readies === 2);
  await until('the message', async () => (await journalled()).includes(id));
  expect(phone.overlaps).toBe(0);
});

test('one that answers pings and nothing else is found out by what is sent', async () => {
  const { server, linked, state, journalled } = await setup({ env: QUICK_KEEPALIVE, timings: { write: 800 } });
  const { phone, session } = await linked();
  await until('told', () => state.readies === 1);
  const [rudo, farai] = [server.customer(nextNumber()), server.customer(nextNumber())];
  await session.send(text(rudo, 'one'));
  phone.deaf = 'pings';
  const id = await farai.write(phone, { text: 'Hello?' });
  // One whose devices are known, and one who must be asked about first.
  await expect(session.send(text(rudo, 'two'))).rejects.toMatchObject({ code: 'no_answer', fate: 'wait' });
  await expect(session.send(text(farai, 'three'))).rejects.toMatchObject({ code: 'no_answer', fate: 'wait' });
  phone.deaf = false;
  await until('connected again', () => state.readies === 2);
  await until('the message', async () => (await journalled()).includes(id));
});

test('nothing that libsignal says reaches the console', async () => {
  const { server, linked } = await setup();
  const names = ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const;
  // In place of the console before the first channel is opened: the mock keeps what its own libsignal says off it, and so hides ours.
  const before = { ...console };
  onTestFinished(() => void Object.assign(console, before));
  const said = vi.fn<(...words: unknown[]) => void>();
  for (const name of names) console[name] = said;
  const { phone } = await linked();
  const rudo = server.customer(nextNumber());
  for (const undecryptable of [false, true, true]) {
    const id = await rudo.write(phone, { text: 'secret' }, { undecryptable });
    await until('read in the end', () => phone.acknowledged.has(id));
  }
  for (const name of names) {
    console[name]('Closing session:', { privKey: Buffer.from('secret') });
    console[name]({ privKey: Buffer.from('secret') });
  }
  expect(said).not.toHaveBeenCalled();
});

test('connections that come and go leave no timers, listeners or memory behind', async () => {
  const { linked, state } = await setup({ timings: { steady: 0, reconnect: 5 } });
  const { phone, session } = await linked();
  await until('told', () => state.readies === 1);
  const again = async () => {
    const { readies } = state;
    phone.close(428);
    await until('again', () => state.readies > readies);
  };
  for (let n = 0; n < 3; n += 1) await again();
  const before = timers();
  for (let n = 0; n < 12; n += 1) await again();
  await until('no more timers', () => timers() <= before + 3);
  const stop = (session as unknown as { stop: AbortController }).stop.signal;
  expect(getEventListeners(stop, 'abort').length).toBeLessThanOrEqual(1);
});

test('close does not wait for a server that has stopped to speak', async () => {
  const { server, linked, state } = await setup();
  const { phone, session } = await linked();
  await until('told', () => state.readies === 1);
  phone.deaf = true;
  const sending = session.send(text(server.customer(nextNumber()), 'Hello?')).catch((error: unknown) => error);
  const before = performance.now();
  await session.close();
  expect(performance.now() - before).toBeLessThan(1_000);
  expect(await sending).toMatchObject({ fate: 'wait' });
});

test('trouble with the database ends no session for good', async () => {
  const { linked, state, host, system, journalled, server } = await setup();
  const { phone } = await linked();
  await until('told', () => state.readies === 1);
  const report = vi.spyOn(host, 'report').mockRejectedValue(new Error('the database is away'));
  const query = vi.spyOn(system, 'query').mockRejectedValue(new Error('the database is away'));
  phone.close(428);
  const id = await server.customer(nextNumber()).write(phone, { text: 'Hello?' });
  await until('tried a few times', () => report.mock.calls.length + query.mock.calls.length > 3);
  report.mockRestore();
  query.mockRestore();
  await until('the message', async () => (await journalled()).includes(id));
  await until('connected again', () => state.readies >= 2);
  expect(new Set(await journalled())).toEqual(new Set([id]));
});

test('a device that was removed while the database is away is wiped when that is back', async () => {
  const { linked, state, host, reports, kept } = await setup();
  const { phone } = await linked();
  await until('told', () => state.readies === 1);
  const report = vi.spyOn(host, 'report').mockRejectedValue(new Error('the database is away'));
  phone.removeDevice();
  await until('tried a few times', () => report.mock.calls.length > 2);
  report.mockRestore();
  await until('stopped', () => reports.at(-1)?.stopped);
  expect(reports.at(-1)).toMatchObject({ status: 'logged_out' });
  expect(await kept()).toEqual({ creds: 0, keys: 0 });
});
