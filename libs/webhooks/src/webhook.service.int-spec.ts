import { newId, NotFoundError } from '@soko/common';
import { integration } from '@soko/testing';
import { expect, test } from 'vitest';
import type { CreateWebhookBody, LogQuery } from './webhooks.dto.js';
import { BadHeaderError, BlockedUrlError, TooManyHeadersError } from './webhooks.errors.js';
import { WebhookService } from './webhook.service.js';
import { WebhooksModule } from './webhooks.module.js';

const BODY: CreateWebhookBody = { url: 'http://127.0.0.1:9/hooks', events: ['order_created'] };

async function setup(env?: Record<string, string>) {
  const house = await integration({ imports: [WebhooksModule], env });
  const merchantId = await house.shop();
  const webhooks = house.module.get(WebhookService);
  return {
    ...house,
    merchantId,
    webhooks,
    create: (body: Partial<CreateWebhookBody> = {}) => webhooks.create(merchantId, { ...BODY, ...body }),
  };
}

test('the secret is shown once, to the maker; header values are shown to nobody', async () => {
  const { webhooks, merchantId, create } = await setup();
  const { secret, ...made } = await create({ description: 'Ours', headers: { 'X-Token': 's3cret' } });
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(made).toEqual({
    id: expect.any(String),
    url: BODY.url,
    events: ['order_created'],
    description: 'Ours',
    headers: ['X-Token'],
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
    await expect(webhooks.logs(who, what, { limit: 10 })).rejects.toThrow(NotFoundError);
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

test('the log is paged newest first, by outcome and by event, without gap or double while attempts go on', async () => {
  const { create, webhooks, merchantId, tenancy } = await setup();
  const [{ id }, other] = [await create(), await create()];
  let attempts = 0;
  const log = (webhookId: string, outcome: string, type: string) =>
    tenancy.run(merchantId, (tx) =>
      tx.query(
        `INSERT INTO webhook_logs (merchant_id, webhook_id, event_id, event_type, attempt, outcome, url, duration_ms)
         VALUES ($1, $2, $3, $4, $5, $6, '', 1)`,
        [merchantId, webhookId, newId(), type, (attempts += 1), outcome],
      ),
    );
  for (let n = 1; n <= 9; n += 1) await log(id, n % 3 === 0 ? 'failed' : 'delivered', n < 5 ? 'order_created' : 'message_sent');
  await log(other.id, 'failed', 'order_created');
  const numbers = async (query: Partial<LogQuery>) =>
    (await webhooks.logs(merchantId, id, { limit: 50, ...query })).data.map(({ attempt }) => attempt);
  expect(await numbers({ status: 'failed' })).toEqual([9, 6, 3]);
  expect(await numbers({ event: 'order_created' })).toEqual([4, 3, 2, 1]);
  expect(await numbers({ event: 'order_created', status: 'failed' })).toEqual([3]);
  const seen: number[] = [];
  let cursor: string | undefined;
  do {
    const page = await webhooks.logs(merchantId, id, { limit: 4, cursor });
    seen.push(...page.data.map(({ attempt }) => attempt));
    cursor = page.pagination.nextCursor;
    await log(id, 'failed', 'order_created');
  } while (cursor);
  expect(seen).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
});
