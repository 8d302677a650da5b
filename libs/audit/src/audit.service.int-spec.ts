import { type Actor, newId, ValidationError, workContext } from '@soko/common';
import { integration, withClient } from '@soko/testing';
import { expect, test } from 'vitest';
import type { AuditQuery } from './audit.dto.js';
import { AuditModule } from './audit.module.js';
import { AuditService } from './audit.service.js';

async function setup() {
  const house = await integration({ imports: [AuditModule] });
  const { tenancy } = house;
  const audit = house.module.get(AuditService);
  const shopId = await house.shop();
  const sql = (text: string, values: unknown[], merchantId: string) =>
    tenancy.run(merchantId, (tx) => tx.query(text, [merchantId, ...values]));
  const addProduct = async (merchantId = shopId) => {
    const id = newId();
    await sql(
      `INSERT INTO products (merchant_id, id, sku, name, price_amount, currency, on_hand) VALUES ($1, $2, $3, 'Rice 5 kg', 720, 'USD', 10)`,
      [id, id],
      merchantId,
    );
    return id;
  };
  const list = async (query: Partial<AuditQuery> = {}, merchantId = shopId) =>
    (await audit.list(merchantId, { limit: 100, ...query })).data;
  return {
    ...house,
    audit,
    shopId,
    addProduct,
    addTemplate: async () => {
      const id = newId();
      await sql(
        `INSERT INTO message_templates (merchant_id, id, name, type, language, category, content) VALUES ($1, $2, $3, 'text', 'en', 'utility', '{}')`,
        [id, id],
        shopId,
      );
      return id;
    },
    rename: (id: string, name: string) =>
      sql('UPDATE products SET name = $3 WHERE merchant_id = $1 AND id = $2', [id, name], shopId),
    as: <R>(actor: Actor, work: () => Promise<R>) => workContext.run({ requestId: newId(), actor }, work),
    list,
    seqs: async (query: Partial<AuditQuery> = {}, merchantId?: string) => (await list(query, merchantId)).map(({ seq }) => seq),
    /** Sets the clock of each entry to its place in the chain, in hours of the first of November. */
    spread: () =>
      withClient(house.databaseUrl, async (client) => {
        await client.query('SET session_replication_role = replica');
        await client.query(`UPDATE audit_logs SET at = '2026-11-01T00:00:00Z'::timestamptz + seq * interval '1 hour'`);
      }),
  };
}

test('an entry says who did what to which thing, when, from where and by which request', async () => {
  const { addProduct, rename, list } = await setup();
  const id = await addProduct();
  const actor: Actor = { type: 'user', id: newId(), role: 'agent' };
  const context = { requestId: newId(), ip: '203.0.113.7', actor };
  const before = Date.now();
  await workContext.run(context, () => rename(id, 'Rice 10 kg'));
  const [entry] = await list();
  expect(entry).toEqual({
    id: expect.any(String),
    seq: 3,
    at: expect.any(String),
    actor,
    ip: '203.0.113.7',
    requestId: context.requestId,
    entity: 'product',
    entityId: id,
    action: 'update',
    before: expect.objectContaining({ id, name: 'Rice 5 kg', price_amount: 720 }),
    after: expect.objectContaining({ id, name: 'Rice 10 kg', price_amount: 720 }),
    hash: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(Date.parse(entry!.at)).toBeGreaterThanOrEqual(before - 1_000);
  expect(Date.parse(entry!.at)).toBeLessThanOrEqual(Date.now() + 1_000);
});

test('a creation has nothing before it, and a deletion nothing after it', async () => {
  const { addProduct, tenancy, shopId, list } = await setup();
  const id = await addProduct();
  await tenancy.run(shopId, (tx) => tx.query('DELETE FROM products WHERE id = $1', [id]));
  const [deletion, creation] = await list({ entity: 'product' });
  expect(creation).toMatchObject({ action: 'create', after: { name: 'Rice 5 kg' } });
  expect(creation).not.toHaveProperty('before');
  expect(deletion).toMatchObject({ action: 'delete', before: { name: 'Rice 5 kg' } });
  expect(deletion).not.toHaveProperty('after');
});

test.each<[string, Actor | undefined, object]>([
  ['a person', { type: 'user', id: newId(), role: 'owner' }, {}],
  ['an API key, which has no role', { type: 'key', id: newId() }, {}],
  ['the bot', { type: 'bot' }, {}],
  ['the system, when nobody asked for the work', undefined, { type: 'system' }],
])('the actor is %s', async (_, actor, shown) => {
  const { addProduct, list } = await setup();
  await workContext.run({ requestId: newId(), ...(actor ? { actor } : {}) }, () => addProduct());
  const [entry] = await list();
  expect(entry!.actor).toEqual(actor ?? shown);
  expect(entry).not.toHaveProperty('ip');
});

test('work outside of any request is the system’s, and the one before it on the same connection does not rub off', async () => {
  const { tenancy, module, shop } = await integration({ imports: [AuditModule], env: { DATABASE_POOL: '1' } });
  const shopId = await shop();
  const rename = (name: string) => tenancy.run(shopId, (tx) => tx.query('UPDATE merchants SET name = $1', [name]));
  const context = { requestId: newId(), ip: '203.0.113.7', actor: { type: 'user', id: newId(), role: 'owner' } as const };
  await workContext.run({ ...context }, () => rename('By the owner'));
  await rename('By nobody');
  const { data } = await module.get(AuditService).list(shopId, { limit: 2 });
  expect(data.map(({ actor, ip, requestId }) => ({ actor, ip, requestId }))).toEqual([
    { actor: { type: 'system' }, ip: undefined, requestId: undefined },
    context,
  ]);
});

test('what a caller sends cannot become another statement', async () => {
  const { addProduct, list } = await setup();
  const odd = `'); DROP TABLE audit_heads; -- \\ " $1 🥭`;
  await workContext.run({ requestId: odd, ip: odd, actor: { type: 'user', id: newId(), role: odd } }, () => addProduct());
  expect((await list())[0]).toMatchObject({ requestId: odd, ip: odd, actor: { role: odd } });
});

test('the trail is read by kind of thing, and by one thing', async () => {
  const { addProduct, addTemplate, rename, seqs, shopId } = await setup();
  const [rice, beans] = [await addProduct(), await addProduct()];
  await addTemplate();
  await rename(rice, 'Basmati');
  expect(await seqs()).toEqual([5, 4, 3, 2, 1]);
  expect(await seqs({ entity: 'product' })).toEqual([5, 3, 2]);
  expect(await seqs({ entity: `product:${rice}` })).toEqual([5, 2]);
  expect(await seqs({ entity: rice })).toEqual([5, 2]);
  expect(await seqs({ entity: 'products' })).toEqual([5, 3, 2]);
  expect(await seqs({ entity: `product:${beans.toUpperCase()}` })).toEqual([3]);
  expect(await seqs({ entity: 'template' })).toEqual([4]);
  expect(await seqs({ entity: `merchant:${shopId}` })).toEqual([1]);
  expect(await seqs({ entity: `template:${rice}` })).toEqual([]);
  expect(await seqs({ entity: 'order' })).toEqual([]);
});

test('the trail is read by who did it: a person, a key, the bot or the system', async () => {
  const { addProduct, as, seqs } = await setup();
  const [rudo, key] = [newId(), newId()];
  await as({ type: 'user', id: rudo, role: 'owner' }, addProduct);
  await as({ type: 'key', id: key }, addProduct);
  await as({ type: 'bot' }, addProduct);
  await as({ type: 'user', id: rudo, role: 'driver' }, addProduct);
  await addProduct();
  expect(await seqs({ actor: rudo })).toEqual([5, 2]);
  expect(await seqs({ actor: rudo.toUpperCase() })).toEqual([5, 2]);
  expect(await seqs({ actor: key })).toEqual([3]);
  expect(await seqs({ actor: 'bot' })).toEqual([4]);
  expect(await seqs({ actor: 'system' })).toEqual([6, 1]);
  expect(await seqs({ actor: newId() })).toEqual([]);
});

test('the trail is read from a time on, and up to a time but not at it', async () => {
  const { addProduct, spread, seqs } = await setup();
  for (let n = 2; n <= 5; n += 1) await addProduct();
  await spread();
  expect(await seqs({ from: '2026-11-01T03:00:00Z' })).toEqual([5, 4, 3]);
  expect(await seqs({ to: '2026-11-01T03:00:00Z' })).toEqual([2, 1]);
  expect(await seqs({ from: '2026-11-01T02:00:00Z', to: '2026-11-01T04:00:00Z' })).toEqual([3, 2]);
  expect(await seqs({ from: '2026-11-01T04:00:00+02:00', to: '2026-11-01T03:00:00.001Z' })).toEqual([3, 2]);
  expect(await seqs({ from: '2026-11-02T00:00:00Z' })).toEqual([]);
});

test('a time may be a day, a month or a year', async () => {
  const { spread, seqs } = await setup();
  await spread();
  for (const time of ['2026-11-01', '2026-11', '2026', '2026-11-01T00:00:00+23:59']) {
    expect(await seqs({ from: time }), time).toEqual([1]);
    expect(await seqs({ to: time }), time).toEqual([]);
  }
});

test('filters narrow each other', async () => {
  const { addProduct, addTemplate, as, rename, spread, seqs } = await setup();
  const [rudo, farai] = [newId(), newId()].map((id) => ({ type: 'user', id, role: 'owner' }) as const) as [Actor, Actor];
  const rice = await as(rudo, () => addProduct());
  await as(rudo, addTemplate);
  await as(farai, () => rename(rice, 'Basmati'));
  await as(rudo, () => rename(rice, 'Rice'));
  await spread();
  expect(await seqs({ actor: rudo.id, entity: 'product' })).toEqual([5, 2]);
  expect(await seqs({ actor: rudo.id, entity: `product:${rice}`, from: '2026-11-01T03:00:00Z' })).toEqual([5]);
  expect(await seqs({ actor: farai.id, entity: 'template' })).toEqual([]);
});

test('pages go from the newest to the oldest, without gap or double while new entries come', async () => {
  const { addProduct, audit, shopId } = await setup();
  for (let n = 2; n <= 8; n += 1) await addProduct();
  const seen: number[] = [];
  let cursor: string | undefined;
  do {
    const page = await audit.list(shopId, { limit: 3, cursor });
    expect(page.data.length).toBeLessThanOrEqual(3);
    seen.push(...page.data.map(({ seq }) => seq));
    cursor = page.pagination.nextCursor;
    await addProduct();
  } while (cursor);
  expect(seen).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
});

test('a filtered list is paged too', async () => {
  const { addProduct, addTemplate, audit, shopId } = await setup();
  for (let n = 0; n < 3; n += 1) {
    await addProduct();
    await addTemplate();
  }
  const first = await audit.list(shopId, { limit: 2, entity: 'template' });
  const second = await audit.list(shopId, { limit: 2, entity: 'template', cursor: first.pagination.nextCursor });
  expect([...first.data, ...second.data].map(({ seq }) => seq)).toEqual([7, 5, 3]);
  expect(second.pagination).toEqual({ limit: 2, hasMore: false });
});

test('a cursor of another list is refused', async () => {
  const { list } = await setup();
  for (const part of [newId(), '1; DROP TABLE audit_logs', '-1', '9'.repeat(30)]) {
    const cursor = Buffer.from(JSON.stringify([part])).toString('base64url');
    await expect(list({ cursor }), part).rejects.toThrow(ValidationError);
  }
});

test('another merchant sees nothing of it, whatever it asks for', async () => {
  const { addProduct, as, shop, list, audit, shopId } = await setup();
  const other = await shop();
  const rudo = newId();
  const rice = await as({ type: 'user', id: rudo, role: 'owner' }, () => addProduct());
  await addProduct();
  const { nextCursor } = (await audit.list(shopId, { limit: 1 })).pagination;
  const own = await list({}, other);
  expect(own.map(({ seq, entity, entityId }) => ({ seq, entity, entityId }))).toEqual([
    { seq: 1, entity: 'merchant', entityId: other },
  ]);
  for (const query of [{ entity: `product:${rice}` }, { entity: 'product' }, { actor: rudo }])
    expect(await list(query, other)).toEqual([]);
  expect(await list({ cursor: nextCursor }, other)).toEqual(own);
});
