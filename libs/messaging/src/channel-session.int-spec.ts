import { integration, until } from '@soko/testing';
import { describe, expect, test } from 'vitest';
import type { ChannelReport } from './channel.entity.js';
import { ChannelService } from './channel.service.js';
import { ChannelSessionService } from './channel-session.service.js';
import { NotLinkableError, NotLinkingError } from './messaging.errors.js';
import { MessagingModule } from './messaging.module.js';

const soon = (ms = 60_000) => new Date(Date.now() + ms);

async function setup(kind: 'baileys' | 'simulator' = 'baileys') {
  const house = await integration({ imports: [MessagingModule] });
  const merchantId = await house.shop();
  const { id } = await house.module.get(ChannelService).create(merchantId, { name: 'Phone', kind });
  const sessions = house.module.get(ChannelSessionService);
  const state = async () => {
    const [row] = await house.system.query<Record<string, unknown>>('SELECT * FROM channel_states WHERE channel_id = $1', [id]);
    return row!;
  };
  return {
    ...house,
    merchantId,
    id,
    sessions,
    state,
    channels: house.module.get(ChannelService),
    report: (report: ChannelReport, wish = 1) => sessions.report(merchantId, id, 1, wish, report),
    events: async () =>
      (
        await house.tenancy.run(merchantId, (tx) =>
          tx.query<{ type: string; data: Record<string, unknown> }>('SELECT type, data FROM events ORDER BY id'),
        )
      ).map(({ type, data }): Record<string, unknown> => ({ type, ...data })),
  };
}

describe('linking by QR', () => {
  test('the code is shown as text and as a picture, is an event, and is gone once linked', async () => {
    const { report, sessions, merchantId, id, events } = await setup();
    await expect(sessions.qr(merchantId, id)).rejects.toThrow(/start it with POST .*connect/);
    const expiresAt = soon();
    await report({ status: 'awaiting_scan', link: { method: 'qr', value: '2@ref,key', expiresAt } });
    const shown = await sessions.qr(merchantId, id);
    expect(shown).toMatchObject({ qr: '2@ref,key', expiresAt: expiresAt.toISOString() });
    const png = Buffer.from(shown.png.replace('data:image/png;base64,', ''), 'base64');
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    expect(await sessions.qr(merchantId)).toEqual(shown);
    expect(await events()).toEqual([
      {
        type: 'channel_linking',
        channelId: id,
        kind: 'baileys',
        method: 'qr',
        qr: '2@ref,key',
        expiresAt: expiresAt.toISOString(),
      },
    ]);
    await report({ status: 'connected', phone: '+263771000000' });
    await expect(sessions.qr(merchantId, id)).rejects.toThrow(NotLinkingError);
  });

  test('a code that has expired is not shown', async () => {
    const { report, sessions, merchantId, id } = await setup();
    await report({ status: 'awaiting_scan', link: { method: 'qr', value: 'old', expiresAt: soon(-1) } });
    await expect(sessions.qr(merchantId, id)).rejects.toThrow(/on its way/);
  });

  test('only a channel of kind baileys links', async () => {
    const { sessions, merchantId, id } = await setup('simulator');
    await expect(sessions.qr(merchantId, id)).rejects.toThrow(NotLinkableError);
    await expect(sessions.pairingCode(merchantId, id, '+263771000000')).rejects.toThrow(NotLinkableError);
  });
});

test('a pairing code is asked of the gateway by the row alone, and waited for', async () => {
  const { sessions, merchantId, id, state, report, channels } = await setup();
  await report({ status: 'awaiting_scan', link: { method: 'code', value: 'OLDCODE1', expiresAt: soon() } });
  const asked = sessions.pairingCode(merchantId, id, '+263771000000');
  await until('the wish', async () => (await state()).link_phone === '+263771000000');
  expect((await state()).link_code).toBeNull();
  const expiresAt = soon();
  await report({ status: 'awaiting_scan', link: { method: 'code', value: 'ABCD1234', expiresAt } });
  expect(await asked).toEqual({ code: 'ABCD1234', expiresAt: expiresAt.toISOString() });
  expect((await channels.status(merchantId, id)).status).toBe('awaiting_scan');
  await report({ status: 'connected' });
  expect(await state()).toMatchObject({ link_phone: null, link_code: null });
  await expect(sessions.pairingCode(merchantId, id, '+263771000000')).rejects.toThrow(/linked already/);
});

test('a session that has ended for good is told once, with what to do, and is over for its wish', async () => {
  const { report, events, state, id } = await setup();
  await report({ status: 'connected', phone: '+263771000000' });
  const end = { status: 'logged_out', reason: 'The phone has removed this device.', alarm: true, stopped: true } as const;
  await report(end, 7);
  await report(end, 7);
  expect(await state()).toMatchObject({ stopped_wish: 7 });
  expect((await events()).map(({ type, reason }) => [type, reason])).toEqual([
    ['bot_connected', undefined],
    ['bot_disconnected', end.reason],
    ['channel_failed', end.reason],
  ]);
  expect(id).toBeTruthy();
});

test('a restriction is an event and stands on the channel until it is over', async () => {
  const { report, events, channels, merchantId, id } = await setup();
  await report({ status: 'connected' });
  const restrictedUntil = soon();
  await report({ status: 'connected', reason: 'no new chats', restrictedUntil });
  await report({ status: 'connected' });
  expect(await channels.get(merchantId, id)).toMatchObject({ restrictedUntil: restrictedUntil.toISOString() });
  expect((await events()).filter(({ type }) => type === 'channel_restricted')).toEqual([
    expect.objectContaining({ until: restrictedUntil.toISOString(), reason: 'no new chats' }),
  ]);
  await report({ status: 'connected', restrictedUntil: soon(-1) });
  expect(await channels.get(merchantId, id)).not.toHaveProperty('restrictedUntil');
});
