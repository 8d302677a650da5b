import { newId, NotFoundError } from '@soko/common';
import { holdShards, integration, parallel } from '@soko/testing';
import { expect, test } from 'vitest';
import { ChannelService } from './channel.service.js';
import type { ChannelStatus } from './channel.entity.js';
import { ChannelSessionService } from './channel-session.service.js';
import { NoChannelError, SimulatorOffError } from './messaging.errors.js';
import { MessagingModule } from './messaging.module.js';

async function setup(env?: Record<string, string>) {
  const house = await integration({ imports: [MessagingModule], env });
  const merchantId = await house.shop();
  const channels = house.module.get(ChannelService);
  const sessions = house.module.get(ChannelSessionService);
  return {
    ...house,
    merchantId,
    channels,
    sessions,
    report: (id: string, fence: number, status: ChannelStatus, reason?: string) =>
      sessions.report(merchantId, id, fence, 1, { status, reason }),
    create: (name = 'Shop') => channels.create(merchantId, { name, kind: 'simulator', phone: '+263771000000' }),
    events: () =>
      house.tenancy.run(merchantId, (tx) =>
        tx.query<{ type: string; data: object }>('SELECT type, data FROM events ORDER BY id'),
      ),
  };
}

test('of ten channels that are made at once, exactly one is the default', async () => {
  const { merchantId, channels, create } = await setup();
  // Connections first, or the first one is done before the others have begun.
  await parallel(10, () => channels.list(merchantId, { limit: 1 }));
  const made = await parallel(10, (n) => create(`channel ${n}`));
  expect(made.filter(({ isDefault }) => isDefault)).toHaveLength(1);
  const { data } = await channels.list(merchantId, { limit: 50 });
  expect(data).toHaveLength(10);
  const standard = data.filter(({ isDefault }) => isDefault);
  expect(standard).toHaveLength(1);
  expect((await channels.status(merchantId)).channelId).toBe(standard[0]!.id);
  expect((await create('later')).isDefault).toBe(false);
});

test('each merchant has a default of its own, and sees its own channels only', async () => {
  const { shop, merchantId, channels, create, report } = await setup();
  const mine = await create();
  const other = await shop();
  await expect(channels.status(other)).rejects.toThrow(NoChannelError);
  const theirs = await channels.create(other, { name: 'Theirs', kind: 'simulator' });
  expect([mine.isDefault, theirs.isDefault]).toEqual([true, true]);
  for (const id of [theirs.id, newId()]) {
    await expect(channels.get(merchantId, id)).rejects.toThrow(NotFoundError);
    await expect(channels.status(merchantId, id)).rejects.toThrow(NotFoundError);
    await expect(channels.want(merchantId, id, 'disconnected')).rejects.toThrow(NotFoundError);
    expect(await report(id, 1, 'connected')).toBe(false);
  }
  expect((await channels.list(merchantId, { limit: 10 })).data.map(({ id }) => id)).toEqual([mine.id]);
});

test('channels are paged in the order in which they were made', async () => {
  const { merchantId, channels, create } = await setup();
  const made: string[] = [];
  for (let n = 0; n < 5; n += 1) made.push((await create(`channel ${n}`)).id);
  const first = await channels.list(merchantId, { limit: 3 });
  const second = await channels.list(merchantId, { limit: 3, cursor: first.pagination.nextCursor });
  expect([...first.data, ...second.data].map(({ id }) => id)).toEqual(made);
  expect([first.pagination.hasMore, second.pagination.hasMore]).toEqual([true, false]);
});

test('where the simulator is off, no simulated channel is made', async () => {
  const { create } = await setup({ SIMULATOR_ENABLED: 'false' });
  await expect(create()).rejects.toThrow(SimulatorOffError);
});

test('a report under an older fence is refused', async () => {
  const { merchantId, channels, create, system, events, report } = await setup();
  await holdShards(system);
  const { id } = await create();
  expect(await report(id, 3, 'connected')).toBe(true);
  expect(await report(id, 2, 'disconnected', 'an old gateway')).toBe(false);
  expect(await channels.status(merchantId, id)).toMatchObject({ status: 'connected' });
  expect(await report(id, 3, 'failed', 'the same gateway')).toBe(true);
  expect(await report(id, 4, 'connected')).toBe(true);
  expect((await events()).map(({ type }) => type)).toEqual(['bot_connected', 'bot_disconnected', 'bot_connected']);
});

test('a channel whose gateway is gone is not connected, whatever its row says', async () => {
  const { merchantId, channels, create, system, report } = await setup();
  const { id, status } = await create();
  expect(status).toBe('disconnected');
  await report(id, 1, 'connected');
  const seen = async () => [(await channels.get(merchantId, id)).status, (await channels.status(merchantId)).status];
  expect(await seen()).toEqual(['connecting', 'connecting']);
  await holdShards(system);
  expect(await seen()).toEqual(['connected', 'connected']);
  await holdShards(system, { seconds: -1 });
  expect(await seen()).toEqual(['connecting', 'connecting']);
  await report(id, 1, 'logged_out', 'unlinked on the phone');
  expect(await channels.status(merchantId)).toMatchObject({
    status: 'logged_out',
    reason: 'unlinked on the phone',
    lastConnectedAt: expect.any(String),
  });
});

test('connected and disconnected are events exactly when they change', async () => {
  const { create, events, report } = await setup();
  const { id } = await create();
  const reports: [ChannelStatus, string?][] = [
    ['connecting'],
    ['connected'],
    ['connected'],
    ['connecting', 'the network is gone'],
    ['failed'],
    ['connected'],
    ['disconnected', 'disconnected by the merchant'],
    ['disconnected'],
  ];
  for (const [status, reason] of reports) await report(id, 1, status, reason);
  const data = { channelId: id, kind: 'simulator', phone: '+263771000000' };
  expect(await events()).toEqual([
    { type: 'bot_connected', data },
    { type: 'bot_disconnected', data: { ...data, reason: 'the network is gone' } },
    { type: 'bot_connected', data },
    { type: 'bot_disconnected', data: { ...data, reason: 'disconnected by the merchant' } },
  ]);
});

test('ten reports of the same at once are one event', async () => {
  const { create, events, report } = await setup();
  const { id } = await create();
  for (const status of ['connected', 'disconnected'] as const) {
    await parallel(10, () => report(id, 1, status));
  }
  expect((await events()).map(({ type }) => type)).toEqual(['bot_connected', 'bot_disconnected']);
});
