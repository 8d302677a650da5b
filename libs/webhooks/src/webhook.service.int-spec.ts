import { newId, NotFoundError } from '@soko/common';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { signatureHeaders, signingKey } from './signature.js';
import { BODY, setupSubscriptions } from './subscription.fixture.js';
import { WebhookSecrets } from './webhook-secrets.js';
import { BadFilterError, BadHeaderError, BlockedUrlError, TooManyHeadersError } from './webhooks.errors.js';

const setup = (env?: Record<string, string>) => setupSubscriptions({ env });

test('the secret is shown once, to the maker; header values are shown to nobody', async () => {
  const { webhooks, merchantId, create } = await setup();
  const { secret, ...made } = await create({ description: 'Ours', headers: { 'X-Token': 's3cret' } });
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(made).toEqual({
    id: expect.any(String),
    url: BODY.url,
    events: ['*'],
    description: 'Ours',
    headers: ['X-Token'],
    ordered: false,
    active: true,
    createdAt: expect.any(String),
  });
  const updated = await webhooks.update(merchantId, made.id, { active: false });
  const shown = [await webhooks.get(merchantId, made.id), updated, (await webhooks.list(merchantId, { limit: 10 })).data[0]];
  for (const view of shown) {
    expect(Math.abs(Date.parse(view!.createdAt) - Date.parse(made.createdAt))).toBeLessThan(1_000);
    expect({ ...view, createdAt: made.createdAt }).toEqual({ ...made, active: false });
  }
  expect((await create()).secret).not.toBe(secret);
});

test('a subscription to an address that may not be called is refused', async () => {
  const { create, webhooks, merchantId } = await setup({ WEBHOOK_ALLOWED_CIDRS: '' });
  const urls = [
    'http://127.0.0.1/',
    'http://localhost/',
    'http://10.1.2.3/',
    'http://169.254.169.254/latest/meta-data',
    'http://[::1]/',
    'http://[::ffff:10.0.0.1]/',
    'http://0x7f000001/',
    'http://0.0.0.0/',
  ];
  for (const url of urls) {
    await expect(create({ url }), url).rejects.toThrow(BlockedUrlError);
    await expect(create({ url }), url).rejects.toMatchObject({ status: 422, errors: [{ path: 'url', code: 'blocked_address' }] });
  }
  const { id } = await create({ url: 'http://93.184.215.14/' });
  for (const url of urls) await expect(webhooks.update(merchantId, id, { url }), url).rejects.toThrow(BlockedUrlError);
  expect((await webhooks.get(merchantId, id)).url).toBe('http://93.184.215.14/');
});

test('headers that would disturb the call are refused', async () => {
  const { create, webhooks, merchantId } = await setup();
  const ours = ['webhook-signature', 'Webhook-Id', 'Host', 'Content-Type', 'content-length', 'User-Agent', 'Connection'];
  // The HTTP client refuses to send these, so that every delivery would fail.
  const hop = ['Expect', 'Keep-Alive', 'Upgrade', 'Transfer-Encoding'];
  for (const name of [...ours, ...hop, 'a b', '', 'x:y']) {
    await expect(create({ headers: { [name]: 'x' } }), name).rejects.toThrow(BadHeaderError);
  }
  for (const value of ['a\r\nb', 'ü', 7, null]) {
    await expect(create({ headers: { 'x-token': value as string } }), String(value)).rejects.toThrow(BadHeaderError);
  }
  const many = Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`x-${n}`, 'x']));
  await expect(create({ headers: many })).rejects.toThrow(TooManyHeadersError);
  expect((await webhooks.list(merchantId, { limit: 10 })).data).toEqual([]);
});

test('another merchant’s subscriptions are not found', async () => {
  const { create, webhooks, merchantId, shop } = await setup();
  const { id } = await create();
  const other = await shop();
  for (const [who, what] of [
    [other, id],
    [merchantId, newId()],
  ] as const) {
    await expect(webhooks.get(who, what)).rejects.toThrow(NotFoundError);
    await expect(webhooks.update(who, what, { active: false })).rejects.toThrow(NotFoundError);
    await expect(webhooks.remove(who, what)).rejects.toThrow(NotFoundError);
    await expect(webhooks.rotateSecret(who, what)).rejects.toThrow(NotFoundError);
  }
  expect((await webhooks.list(other, { limit: 10 })).data).toEqual([]);
  expect((await webhooks.get(merchantId, id)).active).toBe(true);
  await webhooks.remove(merchantId, id);
  await expect(webhooks.get(merchantId, id)).rejects.toThrow(NotFoundError);
});

test('subscriptions are paged in the order in which they were made', async () => {
  const { create, webhooks, merchantId } = await setup();
  const made: string[] = [];
  for (let n = 0; n < 5; n += 1) made.push((await create()).id);
  const first = await webhooks.list(merchantId, { limit: 3 });
  const second = await webhooks.list(merchantId, { limit: 3, cursor: first.pagination.nextCursor });
  expect([...first.data, ...second.data].map(({ id }) => id)).toEqual(made);
});

test('what is optional can be set, changed alone, and emptied by null', async () => {
  const { create, webhooks, merchantId, rows } = await setup();
  const set = { description: 'Ours', filters: { kind: 'simulator' }, rateLimit: 5, ordered: true };
  const { id, secret: _, ...made } = await create({ ...set, headers: { 'x-token': 's' } });
  expect(made).toMatchObject({ ...set, headers: ['x-token'] });
  const changed = await webhooks.update(merchantId, id, { rateLimit: 7 });
  expect(changed).toMatchObject({ ...set, rateLimit: 7, headers: ['x-token'] });
  const emptied = await webhooks.update(merchantId, id, { description: null, filters: null, rateLimit: null, headers: null });
  for (const field of ['description', 'filters', 'rateLimit']) expect(emptied, field).not.toHaveProperty(field);
  expect(emptied).toMatchObject({ headers: [], ordered: true });
  await webhooks.update(merchantId, id, { filters: {}, headers: {} });
  expect(await rows('SELECT filters, headers FROM webhooks')).toEqual([{ filters: null, headers: null }]);
});

test('filters must be able to match, together with the events that they stand beside', async () => {
  const { create, webhooks, merchantId } = await setup();
  await expect(create({ filters: { sku: 'RICE', chatId: 'x' } })).rejects.toMatchObject({
    status: 422,
    errors: [{ path: 'filters', code: 'filter' }],
  });
  const { id } = await create({ events: ['product_updated'], filters: { sku: 'RICE' } });
  // What stands already counts as much as what is given.
  await expect(webhooks.update(merchantId, id, { events: ['order_created'] })).rejects.toThrow(BadFilterError);
  await expect(webhooks.update(merchantId, id, { filters: { chatId: 'x' } })).rejects.toThrow(BadFilterError);
  await webhooks.update(merchantId, id, { events: ['order_created'], filters: { status: 'pending' } });
  expect(await webhooks.get(merchantId, id)).toMatchObject({ events: ['order_created'], filters: { status: 'pending' } });
});

test('a subscription begins with the present, and so does one that is taken up again', async () => {
  const { create, webhooks, merchantId, happen, rows } = await setup();
  const cursors = () => rows<{ cursor: string }>('SELECT cursor FROM webhook_drains');
  const end = async () => (await rows<{ cursor: string }>('SELECT max(position) AS cursor FROM events'))[0]!;
  await happen(3);
  const { id } = await create();
  expect(await cursors()).toEqual([await end()]);
  await webhooks.update(merchantId, id, { active: false });
  const before = await end();
  await happen(3);
  expect(await cursors()).toEqual([before]);
  await webhooks.update(merchantId, id, { active: true });
  expect(await cursors()).toEqual([await end()]);
});

test('how the calls go is shown, and why Soko has disabled it, until it is taken up again', async () => {
  const { create, webhooks, merchantId, rows } = await setup();
  const { id } = await create();
  await rows(
    `UPDATE webhook_drains SET failing_since = '2026-11-21T14:00:00Z', breaker = 'open', breaker_until = '2126-11-21T14:00:00Z', warned = 2`,
  );
  const open = { failingSince: '2026-11-21T14:00:00.000Z', breaker: { state: 'open', until: '2126-11-21T14:00:00.000Z' } };
  expect(await webhooks.get(merchantId, id)).toMatchObject(open);
  expect((await webhooks.list(merchantId, { limit: 5 })).data).toEqual([expect.objectContaining(open)]);
  await rows(`UPDATE webhooks SET active = false, disabled_reason = 'failing', disabled_at = now()`);
  expect(await webhooks.get(merchantId, id)).toMatchObject({
    active: false,
    disabledReason: 'failing',
    disabledAt: expect.any(String),
  });
  const again = await webhooks.update(merchantId, id, { active: true });
  for (const field of ['disabledReason', 'disabledAt', 'failingSince', 'breaker']) expect(again, field).not.toHaveProperty(field);
  expect(again.active).toBe(true);
});

test('a rotated secret signs with the one before it for a day, and with no other', async () => {
  const { create, webhooks, merchantId, rows, module } = await setup();
  const { id, secret: first } = await create();
  const second = await webhooks.rotateSecret(merchantId, id);
  const third = await webhooks.rotateSecret(merchantId, id);
  expect(new Set([first, second.secret, third.secret]).size).toBe(3);
  expect(third.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(Date.parse(third.oldSecretValidUntil) - Date.now()).toBeGreaterThan(24 * 3_600_000 - 60_000);
  expect(Date.parse(third.oldSecretValidUntil) - Date.now()).toBeLessThanOrEqual(24 * 3_600_000);
  expect((await webhooks.get(merchantId, id)).oldSecretValidUntil).toBe(third.oldSecretValidUntil);

  const [row] = await rows<{ secret: string; old_secret: string; all: string }>(
    'SELECT secret, old_secret, w::text AS all FROM webhooks w',
  );
  // Nothing that lies in the table can be read without the key.
  for (const { secret } of [{ secret: first }, second, third]) expect(row!.all).not.toContain(secret.slice(6));
  const secrets = module.get(WebhookSecrets);
  const kept = [secrets.secret(row!.secret, merchantId), secrets.oldSecret(row!.old_secret, merchantId)];
  expect(kept).toEqual([third.secret, second.secret]);
  const headers = signatureHeaders(kept.map(signingKey), 'msg_1', Math.floor(Date.now() / 1_000), '{}');
  for (const each of kept) expect(new StandardWebhook(each).verify('{}', headers)).toEqual({});
  expect(() => new StandardWebhook(first).verify('{}', headers)).toThrow('No matching signature found');
});

test('rotations at once leave one old secret, which was shown to somebody', async () => {
  const { create, webhooks, merchantId, rows, module } = await setup();
  const { id, secret } = await create();
  const shown = await Promise.all(Array.from({ length: 5 }, () => webhooks.rotateSecret(merchantId, id)));
  const [row] = await rows<{ secret: string; old_secret: string }>('SELECT secret, old_secret FROM webhooks');
  const secrets = module.get(WebhookSecrets);
  const all = new Set([secret, ...shown.map((each) => each.secret)]);
  expect(all.size).toBe(6);
  const [current, old] = [secrets.secret(row!.secret, merchantId), secrets.oldSecret(row!.old_secret, merchantId)];
  expect(current).not.toBe(old);
  for (const each of [current, old]) expect(all.has(each)).toBe(true);
});
