import { newId, NotFoundError, type Page, ValidationError } from '@soko/common';
import { TemplateNotActiveError, TemplateNotFoundError } from '@soko/templates';
import { expect, test } from 'vitest';
import { setupBroadcasts } from './broadcasts.fixture.js';
import { BroadcastTransitionError, NotForBroadcastsError } from './broadcasts.errors.js';
import type { RecipientView } from './broadcasts.dto.js';

test('a preview tells who gets it, who does not and why not, and what the first read; nothing is stored', async () => {
  const { customer, preview, rows, merchantId } = await setupBroadcasts();
  await customer({ name: 'Rudo' });
  await customer({ name: 'Awa', language: 'fr' });
  await customer({ name: 'Omar', language: 'ar' });
  await customer({ name: 'Fourth' });
  for (const but of ['blocked_at', 'opted_out_at', 'marketing_stopped_at', 'nothing agreed', 'nothing agreed'] as const)
    await customer({ but });
  await rows(`INSERT INTO contacts (merchant_id, lid, opted_in_at) VALUES ($1, '1', now())`, [merchantId]);
  const { recipients, excluded, examples, warnings } = await preview();
  expect(recipients).toBe(4);
  expect(excluded).toEqual({ blocked: 1, optedOut: 1, marketingStopped: 1, notOptedIn: 2, unreachable: 1 });
  expect(examples.map(({ name, language, text }) => [name, language, text.replaceAll(/[\u2066-\u2069]/g, '')])).toEqual([
    ['Rudo', 'en', 'Dear Rudo: Rice is cheap today.'],
    ['Awa', 'fr', 'Cher Awa : Rice est bon marché.'],
    ['Omar', 'en', 'Dear Omar: Rice is cheap today.'],
  ]);
  expect(warnings).toEqual([expect.stringMatching(/^2 .* have not agreed/), expect.stringMatching(/^2 .* want no marketing/)]);
  expect(await rows('SELECT 1 FROM broadcasts')).toEqual([]);
  expect(await rows('SELECT 1 FROM messages')).toEqual([]);
});

test('utility goes also to those who have agreed to nothing, and never to who wrote STOP', async () => {
  const { customer, preview, template } = await setupBroadcasts();
  await template('closed', 'utility');
  for (const but of ['blocked_at', 'opted_out_at', 'marketing_stopped_at', 'nothing agreed'] as const)
    await customer({ name: but, but });
  const { examples } = await preview({ templateName: 'closed' });
  expect(examples.map(({ name }) => name)).toEqual(['marketing_stopped_at', 'nothing agreed']);
});

test('what cannot be sent is refused before there is a broadcast: a preview says the same', async () => {
  const { create, preview, template, rows } = await setupBroadcasts();
  await template('code', 'authentication');
  await template('draft', 'marketing');
  await rows(`UPDATE message_templates SET status = 'draft' WHERE name = 'draft'`);
  for (const attempt of [create, preview]) {
    await expect(attempt({ templateName: 'none' })).rejects.toThrow(TemplateNotFoundError);
    await expect(attempt({ templateName: 'draft' })).rejects.toThrow(TemplateNotActiveError);
    await expect(attempt({ templateName: 'code' })).rejects.toThrow(NotForBroadcastsError);
    await expect(attempt({ channelId: newId() })).rejects.toThrow(NotFoundError);
    await expect(attempt({ variables: { waht: 'Rice' } })).rejects.toMatchObject({ errors: [{ path: 'variables.waht' }] });
    await expect(attempt({ variables: { what: {} } })).rejects.toThrow(ValidationError);
  }
  expect(await rows('SELECT 1 FROM broadcasts')).toEqual([]);
});

test('a draft tells how many it goes to as it is now; its start fixes that', async () => {
  const { crowd, customer, create, get, take, recipients, events, alarms, merchantId } = await setupBroadcasts();
  await crowd(3);
  const { id, ...made } = await create();
  const none = { waiting: 0, queued: 0, sent: 0, delivered: 0, read: 0, failed: 0, skipped: 0 };
  expect(made).toMatchObject({ name: 'Sale', status: 'draft', templateName: 'sale', recipients: 3, counts: none });
  await customer();
  expect(await get(id)).toMatchObject({ recipients: 4 });
  expect(await take(id, 'start')).toMatchObject({ status: 'running', recipients: 4, counts: { ...none, waiting: 4 } });
  await customer();
  expect(await get(id)).toMatchObject({ recipients: 4, startedAt: expect.any(String) });
  expect(await recipients(id)).toHaveLength(4);
  expect(await events()).toEqual([{ type: 'broadcast_started', data: { broadcastId: id, name: 'Sale', recipients: 4 } }]);
  expect(await alarms('maintenance', 1)).toEqual([{ merchantId, broadcastId: id }]);
});

test('each step is taken from where it may be, and the error says which may', async () => {
  const { create, take, run, get, events } = await setupBroadcasts();
  const { id } = await create();
  await expect(take(id, 'pause')).rejects.toThrow(/allowed now: start, cancel/);
  await take(id, 'start');
  await expect(take(id, 'start')).rejects.toThrow(BroadcastTransitionError);
  await take(id, 'pause');
  await take(id, 'resume');
  await run(id);
  expect(await get(id)).toMatchObject({ status: 'done', finishedAt: expect.any(String) });
  await expect(take(id, 'cancel')).rejects.toMatchObject({ status: 409, code: 'invalid_transition' });
  const draft = await create();
  expect((await take(draft.id, 'cancel')).status).toBe('cancelled');
  // Of what never started nobody is told the end.
  expect((await events()).map(({ type }) => type)).toEqual(['broadcast_started', 'broadcast_finished']);
});

test('one with a time starts by itself then, and not before; somebody may start it sooner', async () => {
  const { crowd, create, run, get, rows, take } = await setupBroadcasts();
  await crowd(2);
  const sendAt = new Date(Date.now() + 3_600_000).toISOString();
  const { id } = await create({ sendAt });
  expect(await get(id)).toMatchObject({ status: 'scheduled', sendAt });
  expect(await rows('SELECT ring_at FROM broadcasts')).toEqual([{ ring_at: new Date(sendAt) }]);
  await run(id);
  expect((await get(id)).status).toBe('scheduled');
  await rows('UPDATE broadcasts SET due_at = now()');
  await run(id);
  expect(await get(id)).toMatchObject({ status: 'running', counts: { queued: 2 } });
  const other = await create({ sendAt });
  expect((await take(other.id, 'start')).status).toBe('running');
});

test('one whose time is over already starts at once', async () => {
  const { create, alarms, merchantId } = await setupBroadcasts();
  const { id } = await create({ sendAt: '2026-01-01T00:00:00Z' });
  expect(await alarms('maintenance', 1)).toEqual([{ merchantId, broadcastId: id }]);
});

test('broadcasts come newest first, recipients in their order, each by pages and by status', async () => {
  const { crowd, create, start, broadcasts, merchantId, run, leave } = await setupBroadcasts();
  await crowd(7);
  const { id } = await start();
  const draft = await create();
  const listed = async (status?: 'draft' | 'running') =>
    (await broadcasts.list(merchantId, { limit: 10, status })).data.map((each) => each.id);
  expect(await listed()).toEqual([draft.id, id]);
  expect(await listed('running')).toEqual([id]);
  await run(id);
  await leave(4);
  const seen: RecipientView[] = [];
  let page: Page<RecipientView> | undefined;
  do {
    page = await broadcasts.recipients(merchantId, id, { limit: 3, cursor: page?.pagination.nextCursor });
    seen.push(...page.data);
  } while (page.pagination.hasMore);
  expect(new Set(seen.map(({ contactId }) => contactId)).size).toBe(7);
  expect(seen.map(({ status }) => status)).toEqual([...Array<string>(4).fill('sent'), ...Array<string>(3).fill('queued')]);
  const sent = await broadcasts.recipients(merchantId, id, { limit: 10, status: 'sent' });
  expect(sent.data).toEqual(seen.slice(0, 4));
});

test('another merchant’s broadcast is not there', async () => {
  const { create, broadcasts, shop } = await setupBroadcasts();
  const { id } = await create();
  const other = await shop();
  await expect(broadcasts.get(other, id)).rejects.toThrow(NotFoundError);
  await expect(broadcasts.take(other, id, 'start')).rejects.toThrow(NotFoundError);
  await expect(broadcasts.recipients(other, id, { limit: 1 })).rejects.toThrow(NotFoundError);
  expect((await broadcasts.list(other, { limit: 1 })).data).toEqual([]);
});
