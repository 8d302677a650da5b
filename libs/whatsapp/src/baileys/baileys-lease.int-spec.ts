import { holdShards, until } from '@soko/testing';
import { BufferJSON, initAuthCreds } from '@whiskeysockets/baileys';
import { Sealer } from '@soko/database';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { SessionHost } from '../transport.js';
import { nextNumber, setup, text } from '../../../../test/support/baileys.js';
import { BaileysAuthStore, FencedError } from './baileys-auth.store.js';

const hostOf = (fence: number): SessionHost => ({
  lease: () => ({ shard: 0, holder: `gateway-${fence}`, fence }),
  report: () => Promise.resolve(true),
  ready: () => undefined,
});
const nothing = (): void => undefined;
const settled = (): Promise<void> => Promise.resolve();
/** What Baileys still writes of a message comes later than its receipt: the rows once there is nothing new in many looks. */
async function quiet<T>(rows: () => Promise<T>): Promise<T> {
  let last = await rows();
  let same = 0;
  await until('all is written', async () => {
    const now = await rows();
    same = JSON.stringify(now) === JSON.stringify(last) ? same + 1 : 0;
    last = now;
    return same >= 20;
  });
  return last;
}

describe('a session whose lease is gone', () => {
  test('sends no frame, writes no key, reports nothing', async () => {
    const { server, linked, state, reports, system, id, journalled } = await setup();
    const { phone, session } = await linked();
    await until('told', () => state.readies === 1);
    const rudo = server.customer(nextNumber());
    await session.send(text(rudo, 'one'));
    const rows = () => system.query('SELECT type, id, value FROM baileys_keys WHERE channel_id = $1 ORDER BY type, id', [id]);
    await until('the receipt is taken', () => phone.unacknowledged.length === 0);
    const before = await quiet(rows);
    const journal = await journalled();
    const stanzas: string[] = [];
    const stanza = phone.stanza.bind(phone);
    phone.stanza = (connection, one) => {
      stanzas.push(one.tag);
      stanza(connection, one);
    };
    reports.length = 0;
    state.lease = undefined;
    const unread = await rudo.write(phone, { text: 'Hello?' });
    await expect(session.send(text(rudo, 'two'))).rejects.toMatchObject({ fate: 'wait' });
    await until('gone', () => !phone.online);
    expect(stanzas).toEqual([]);
    expect(reports).toEqual([]);
    expect(await rows()).toEqual(before);
    expect(await journalled()).toEqual(journal);
    expect(phone.acknowledged.has(unread)).toBe(false);
    expect(session.sends).toBe(false);
  });

  test('stops nobody else: what Baileys fails to answer then fails for itself alone', async () => {
    const { linked, state } = await setup();
    const { phone, session } = await linked();
    await until('told', () => state.readies === 1);
    const unhandled = vi.fn<(error: unknown) => void>();
    process.on('unhandledRejection', unhandled);
    onTestFinished(() => void process.off('unhandledRejection', unhandled));
    const t = String(Math.floor(Date.now() / 1_000));
    state.lease = undefined;
    const attrs = { from: '263771-1@g.us', participant: '263771999999@s.whatsapp.net', id: 'GROUP', t, type: 'text' };
    phone.deliver({
      tag: 'message',
      attrs,
      content: [{ tag: 'enc', attrs: { v: '2', type: 'skmsg' }, content: Buffer.from('x') }],
    });
    await until('gone', () => !phone.online);
    await session.close();
    expect(unhandled).not.toHaveBeenCalled();
  });

  test('goes on when it has the lease again, as after a slow renewal', async () => {
    const { server, linked, state, journalled } = await setup();
    const { phone } = await linked();
    await until('told', () => state.readies === 1);
    const { lease } = state;
    state.lease = undefined;
    const id = await server.customer(nextNumber()).write(phone, { text: 'Hello?' });
    await until('gone', () => !phone.online);
    state.lease = lease;
    await until('the message', async () => (await journalled()).length > 0);
    expect(await journalled()).toEqual([id]);
  });

  test('does not connect while another gateway holds the shard, even when it believes in its lease', async () => {
    const { server, linked, state, system, id, kept, journalled } = await setup();
    const { phone } = await linked();
    await until('told', () => state.readies === 1);
    const first = await server.customer(nextNumber()).write(phone, { text: 'First' });
    await until('settled', async () => phone.acknowledged.has(first) && (await kept()).keys > 812);
    const rows = () => system.query('SELECT * FROM baileys_keys WHERE channel_id = $1 ORDER BY type, id', [id]);
    const before = await quiet(rows);
    await holdShards(system, { holder: 'gateway-2', fence: 2 });
    const sockets = phone.sockets.length;
    const message = await server.customer(nextNumber()).write(phone, { text: 'Hello?' });
    await until('gone', () => !phone.online);
    expect(phone.acknowledged.has(message)).toBe(false);
    expect(phone.refused.has(message)).toBe(false);
    expect(await journalled()).toEqual([first]);
    expect(await rows()).toEqual(before);
    await expect(until('another socket', () => phone.sockets.length > sockets, 500)).rejects.toThrow('did not come');
  });
});

test('two gateways: the one with the old fence writes nothing', async () => {
  const { system, module, channel, kept } = await setup();
  const store = new BaileysAuthStore(system, module.get(Sealer));
  const [old, young] = [hostOf(1), hostOf(2)];
  const write = (host: SessionHost, value: string) =>
    store.keys(channel, host, settled, nothing).set({ 'sender-key': { one: Buffer.from(value) } });
  await write(old, 'first');
  await holdShards(system, { holder: 'gateway-2', fence: 2 });
  await write(young, 'second');
  await expect(write(old, 'third')).rejects.toThrow(FencedError);
  await expect(store.saveCreds(channel, old, initAuthCreds())).rejects.toThrow(FencedError);
  await expect(store.wipe(channel, old.lease())).rejects.toThrow(FencedError);
  await expect(store.wipe(channel, undefined)).rejects.toThrow(FencedError);
  expect(await store.holds(old.lease()!)).toBe(false);
  expect(await store.holds(young.lease()!)).toBe(true);
  expect(await store.keys(channel, old, settled, nothing).get('sender-key', ['one'])).toEqual({ one: Buffer.from('second') });
  expect(await kept()).toEqual({ creds: 0, keys: 1 });
});

test('a lease that is about to expire counts as lost', async () => {
  const { system, module, channel, host } = await setup();
  const store = new BaileysAuthStore(system, module.get(Sealer));
  await holdShards(system, { seconds: 0.4 });
  await expect(store.saveCreds(channel, host, initAuthCreds())).rejects.toThrow(FencedError);
  await holdShards(system, { seconds: 30 });
  await store.saveCreds(channel, host, initAuthCreds());
});

test('what is kept comes back as it was', async () => {
  const { system, module, channel, host } = await setup();
  const store = new BaileysAuthStore(system, module.get(Sealer));
  const creds = { ...initAuthCreds(), me: { id: '263771000000:1@s.whatsapp.net', lid: '5:1@lid' } };
  await store.saveCreds(channel, host, creds);
  expect(JSON.stringify(await store.creds(channel), BufferJSON.replacer)).toBe(JSON.stringify(creds, BufferJSON.replacer));
  const keys = store.keys(channel, host, settled, nothing);
  await keys.set({ 'pre-key': { '1': creds.signedIdentityKey, '2': creds.noiseKey }, session: { a: Buffer.from('s') } });
  await keys.set({ 'pre-key': { '1': null } });
  expect(await keys.get('pre-key', ['1', '2', '3'])).toEqual({ '2': creds.noiseKey });
});
