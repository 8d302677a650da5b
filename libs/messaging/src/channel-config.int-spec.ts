import { NotFoundError, ValidationError } from '@soko/common';
import { integration, withClient } from '@soko/testing';
import { expect, test } from 'vitest';
import { ChannelService } from './channel.service.js';
import { MessageStore } from './message.store.js';
import { NoChannelError } from './messaging.errors.js';
import { MessagingModule } from './messaging.module.js';

const CLOUD = { phoneNumberId: '106540352242922', accessToken: 'EAA-token', appSecret: 'app-secret', verifyToken: 'my-word' };

async function setup() {
  const house = await integration({ imports: [MessagingModule] });
  const merchantId = await house.shop();
  const channels = house.module.get(ChannelService);
  return {
    ...house,
    merchantId,
    channels,
    create: (kind: 'simulator' | 'cloud' | 'baileys', config?: object) =>
      channels.create(merchantId, { name: kind, kind, ...(config ? { config } : {}) }),
    row: async (id: string) => {
      const [row] = await house.system.query<{ desired: string; wish: number; secrets: string | null; config: object }>(
        'SELECT desired, wish, secrets, config FROM channels WHERE id = $1',
        [id],
      );
      return row!;
    },
  };
}

test('a cloud channel keeps its secrets sealed, and shows them to nobody', async () => {
  const { create, row, channels, merchantId, databaseUrl } = await setup();
  const made = await create('cloud', { ...CLOUD, messagesPerSecond: 50 });
  expect(made.config).toEqual({ phoneNumberId: CLOUD.phoneNumberId, messagesPerSecond: 50 });
  expect(JSON.stringify(await channels.get(merchantId, made.id))).not.toMatch(/EAA-token|app-secret|my-word/);
  expect((await row(made.id)).secrets).toMatch(/^v1\./);
  const { rows } = await withClient(databaseUrl, (client) =>
    client.query<{ all: string }>('SELECT c::text AS all FROM channels c'),
  );
  expect(rows[0]!.all).not.toMatch(/EAA-token|app-secret|my-word/);
  const { accessToken, appSecret, verifyToken } = CLOUD;
  expect(await channels.secrets(merchantId, made.id)).toEqual({ accessToken, appSecret, verifyToken });
});

test.each([
  ['cloud', undefined, ['phoneNumberId', 'accessToken', 'appSecret', 'verifyToken']],
  ['cloud', { ...CLOUD, appSecret: undefined }, ['appSecret']],
  ['cloud', { ...CLOUD, newChatsPerDay: 3 }, ['newChatsPerDay']],
  ['baileys', { accessToken: 'x' }, ['accessToken']],
  ['simulator', { messagesPerSecond: 1 }, ['messagesPerSecond']],
] as const)('%s with %o: each field that is missing or strange is named', async (kind, config, fields) => {
  const { create } = await setup();
  const error = await create(kind, config).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ValidationError);
  expect((error as ValidationError).errors!.map(({ path }) => path)).toEqual(fields.map((field) => `config.${field}`));
});

test('a change keeps what it does not name, secrets too, and the session hears of a changed config alone', async () => {
  const { create, row, channels, merchantId } = await setup();
  const { id } = await create('cloud', CLOUD);
  const { wish } = await row(id);
  expect(await channels.update(merchantId, id, { name: 'New', phone: '+263771000000' })).toMatchObject({
    name: 'New',
    phone: '+263771000000',
  });
  expect((await row(id)).wish).toBe(wish);
  await channels.update(merchantId, id, { config: { accessToken: 'EAA-newer' } });
  expect((await row(id)).wish).toBeGreaterThan(wish);
  expect(await channels.secrets(merchantId, id)).toMatchObject({ accessToken: 'EAA-newer', appSecret: CLOUD.appSecret });
  expect((await row(id)).config).toEqual({ phoneNumberId: CLOUD.phoneNumberId });
  await expect(channels.update(merchantId, id, { config: { newChatsPerDay: 1 } })).rejects.toThrow(ValidationError);
});

test('there is always one default: another is made it, and when it is removed the oldest of the others is it', async () => {
  const { create, channels, merchantId } = await setup();
  const [first, second, third] = [await create('simulator'), await create('baileys'), await create('simulator')];
  await channels.update(merchantId, third.id, { isDefault: true });
  const defaults = async () =>
    (await channels.list(merchantId, { limit: 10 })).data.filter(({ isDefault }) => isDefault).map(({ id }) => id);
  expect(await defaults()).toEqual([third.id]);
  await channels.remove(merchantId, third.id);
  expect(await defaults()).toEqual([first.id]);
  await channels.remove(merchantId, second.id);
  expect(await defaults()).toEqual([first.id]);
  await channels.remove(merchantId, first.id);
  await expect(channels.status(merchantId)).rejects.toThrow(NoChannelError);
  expect((await create('simulator')).isDefault).toBe(true);
});

test('a removed channel is gone for everybody, its secrets with it, and what waited for it fails', async () => {
  const { create, channels, merchantId, row, tenancy, module } = await setup();
  const { id } = await create('cloud', CLOUD);
  const queued = await tenancy.run(merchantId, (tx) =>
    module.get(MessageStore).queue(tx, { channelId: id, to: '+263771234567', content: { type: 'text', text: { body: 'Hi' } } }),
  );
  await channels.remove(merchantId, id);
  for (const call of [
    () => channels.get(merchantId, id),
    () => channels.update(merchantId, id, { name: 'x' }),
    () => channels.want(merchantId, id, 'connected'),
    () => channels.remove(merchantId, id),
    () => channels.secrets(merchantId, id),
    () => tenancy.run(merchantId, (tx) => channels.resolve(tx, id)),
  ]) {
    await expect(call()).rejects.toThrow(NotFoundError);
  }
  expect(await row(id)).toMatchObject({ desired: 'logged_out', secrets: null });
  const [message] = await tenancy.run(merchantId, (tx) =>
    tx.query<{ status: string; error: object; pending: number }>(
      `SELECT status, error, (SELECT count(*) FROM pending_sends)::int AS pending FROM messages WHERE merchant_id = $1 AND id = $2`,
      [merchantId, queued.id],
    ),
  );
  expect(message).toMatchObject({ status: 'failed', error: { code: 'channel_deleted' }, pending: 0 });
});

test('to connect what is connected, or about to be, changes nothing; after that it is a new wish', async () => {
  const { create, channels, merchantId, row, system } = await setup();
  const { id } = await create('baileys');
  expect(await row(id)).toMatchObject({ desired: 'disconnected', wish: 1 });
  const wishAfter = async (desired: 'connected' | 'disconnected' | 'logged_out') => {
    await channels.want(merchantId, id, desired);
    return (await row(id)).wish;
  };
  expect(await wishAfter('connected')).toBe(2);
  expect(await wishAfter('connected')).toBe(3);
  for (const status of ['connecting', 'awaiting_scan', 'connected']) {
    await system.query('UPDATE channels SET status = $2 WHERE id = $1', [id, status]);
    expect(await wishAfter('connected')).toBe(3);
  }
  await system.query(`UPDATE channels SET status = 'failed' WHERE id = $1`, [id]);
  expect(await wishAfter('connected')).toBe(4);
  expect(await wishAfter('logged_out')).toBe(5);
  expect(await wishAfter('connected')).toBe(6);
});
