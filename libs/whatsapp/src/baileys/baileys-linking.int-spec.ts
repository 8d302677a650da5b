import { gate, until } from '@soko/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { BaileysSession } from './baileys-session.js';
import { nextNumber, setup, text } from '../../../../test/support/baileys.js';

test('a scanned QR code links, and messages go both ways', async () => {
  const { server, linked, statuses, reports, journal } = await setup();
  const { phone, session } = await linked();
  await until('reported', () => statuses().includes('connected'));
  expect(statuses()).toEqual(['connecting', 'awaiting_scan', 'connected']);
  expect(reports.at(-1)).toMatchObject({ phone: phone.number });
  const rudo = server.customer(nextNumber(), { name: 'Rudo' });
  const sent = text(rudo, 'Mhoro');
  expect(await session.send(sent)).toBe(sent.waMessageId);
  await until('the message', () => rudo.received.length === 1);
  expect(rudo.received[0]).toMatchObject({ id: sent.waMessageId, text: 'Mhoro' });
  const id = await rudo.write(phone, { text: 'Hi' });
  await until('acknowledged', () => phone.acknowledged.has(id));
  const from = { phone: rudo.number, lid: rudo.lidUser };
  expect(await journal()).toEqual([
    { message: { waMessageId: id, from, name: 'Rudo', content: { type: 'text', text: { body: 'Hi' } } } },
  ]);
});

test('QR codes say until when they live, and a new one comes when one is over', async () => {
  const { open, reports, qr } = await setup({ timings: { qr: 1_000 } });
  await open();
  const first = await qr();
  const { link } = reports.at(-1)!;
  expect(link!.expiresAt.getTime()).toBeGreaterThan(Date.now());
  expect(link!.expiresAt.getTime()).toBeLessThanOrEqual(Date.now() + 1_000);
  await until('another code', async () => (await qr()) !== first);
});

test('nobody scans: it stops when the codes are used up, keeps nothing, and alarms nobody', async () => {
  const { open, reports, statuses, kept, server } = await setup({ timings: { qr: 60 } });
  const session = await open();
  await until('stopped', () => reports.at(-1)?.stopped);
  expect(reports.at(-1)).toMatchObject({ status: 'disconnected', alarm: false });
  expect(statuses().filter((status) => status === 'awaiting_scan')).toHaveLength(6);
  expect(session.sends).toBe(false);
  expect(await kept()).toEqual({ creds: 0, keys: 0 });
  await until('gone from the server', () => server.waitingToLink === 0);
});

test('a code typed on the phone links', async () => {
  const { server, open, reports, linkBy, system, id } = await setup();
  const phone = server.phone(nextNumber());
  await linkBy(phone.number);
  const session = await open();
  const { method, value, expiresAt } = await until('a code', () => reports.at(-1)?.link);
  expect(method).toBe('code');
  expect(value).toMatch(/^[0-9A-Z]{8}$/);
  expect(expiresAt.getTime()).toBeGreaterThan(Date.now());
  await phone.enterCode(value);
  await until('connected', () => session.sends);
  await until('told', () => reports.at(-1)?.status === 'connected');
  expect(reports.at(-1)).toMatchObject({ phone: phone.number });
  // The next link is by QR again.
  await until('forgotten', async () => {
    const [row] = await system.query<{ link_phone: string | null }>(
      'SELECT link_phone FROM channel_states WHERE channel_id = $1',
      [id],
    );
    return row?.link_phone === null;
  });
});

test('a code that nobody types leaves nothing behind, and the next attempt works', async () => {
  const { server, open, reports, linkBy, kept } = await setup();
  const phone = server.phone(nextNumber());
  await linkBy(phone.number);
  const abandoned = await open();
  const { value: old } = await until('a code', () => reports.at(-1)?.link);
  await abandoned.close();
  expect(await kept()).toEqual({ creds: 0, keys: 0 });
  await until('gone from the server', () => server.waitingToLink === 0);

  const session = await open();
  const { value } = await until('another code', () => reports.at(-1)?.link?.value !== old && reports.at(-1)?.link);
  await phone.enterCode(value);
  await until('connected', () => session.sends);
});

test('a connection that is lost while the code is shown gives another code, with another identity', async () => {
  const { server, open, reports, linkBy } = await setup();
  const phone = server.phone(nextNumber());
  await linkBy(phone.number);
  const session = await open();
  const { value: old } = await until('a code', () => reports.at(-1)?.link);
  server.down = true;
  const { connection, noiseKey } = await server.desk.byNumber(phone.user);
  connection.destroy();
  await until('noticed', () => reports.at(-1)?.status === 'connecting');
  server.down = false;
  const { value } = await until('another code', () => reports.at(-1)?.link?.value !== old && reports.at(-1)?.link);
  expect((await server.desk.byNumber(phone.user)).noiseKey).not.toEqual(noiseKey);
  await phone.enterCode(value);
  await until('connected', () => session.sends);
});

test('what is kept is sealed, and the next start needs no QR code', async () => {
  const { linked, system, id, reports, kept, opened } = await setup();
  const { phone, session } = await linked();
  await until('812 pre-keys', async () => {
    const [row] = await system.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM baileys_keys WHERE channel_id = $1 AND type = 'pre-key'`,
      [id],
    );
    // One went with the phone's greeting.
    return row!.n >= 811 && phone.preKeysLeft >= 811;
  });
  const rows = await system.query<{ value: string }>(
    `SELECT value FROM baileys_keys WHERE channel_id = $1 UNION ALL SELECT creds FROM baileys_creds WHERE channel_id = $1`,
    [id],
  );
  for (const { value } of rows) expect(value).not.toMatch(/private|public|noiseKey|Buffer|registrationId/);
  await session.close();
  const before = await kept();
  reports.length = 0;
  await opened();
  expect(reports.filter(({ link }) => link)).toEqual([]);
  expect(phone.overlaps).toBe(0);
  expect((await kept()).creds).toBe(before.creds);
});

test('close waits for what is being told, and nothing is told after it', async () => {
  const { open, host, server } = await setup({ timings: { qr: 30 } });
  const offers = vi.spyOn(BaileysSession.prototype as unknown as { offer: () => Promise<void> }, 'offer');
  onTestFinished(() => offers.mockRestore());
  const telling = gate();
  const told: string[] = [];
  vi.spyOn(host, 'report').mockImplementation(async ({ status }) => {
    told.push(status);
    // The first word of the linking hangs in the database, and the next ones wait behind it.
    if (status === 'awaiting_scan') await telling.opened;
    return true;
  });
  const session = await open();
  await until('two more codes', () => offers.mock.calls.length >= 3);
  let closed = false;
  const closing = session.close().then(() => (closed = true));
  await until('gone from the server', () => server.waitingToLink === 0);
  expect(closed).toBe(false);
  const before = [...told];
  telling.open();
  await closing;
  expect(told).toEqual(before);
});

test('two sessions opened one after the other, the first one closed in its first moment', async () => {
  const { server, open, qr, reports } = await setup();
  for (let n = 0; n < 5; n += 1) {
    const session = await open();
    await session.close();
  }
  const told = reports.length;
  const last = await open();
  const phone = server.phone(nextNumber());
  await phone.scan(await qr());
  await until('connected', () => last.sends);
  expect(reports.length).toBeGreaterThan(told);
  await until('only one waits', () => server.waitingToLink === 0);
});
