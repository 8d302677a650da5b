import { newId, workContext } from '@soko/common';
import { Sealer } from '@soko/database';
import { ApiKeyService, CredentialService, MerchantService, type Person, TeamService } from '@soko/identity';
import { integration, withClient } from '@soko/testing';
import { expect, test } from 'vitest';
import { AUDITED } from './audit.dto.js';
import { AuditModule } from './audit.module.js';
import { AuditService } from './audit.service.js';

/** How a thing of each kind is made ($1 its merchant, $2 its id), changed and removed ($1 its id). */
interface Thing {
  table: string;
  make: string;
  change: string;
  /** The column that `change` changes, before and after it. */
  changed: [column: string, before: unknown, after: unknown];
  /** Columns of the table that the trail does not show. */
  unseen: string[];
  /** Changes that are state or noise, and no decision of anybody. */
  noise: string[];
}

const MERCHANT_KEY = `v1.k.wrapped.${'a'.repeat(43)}`;
/** Units are reserved for an order. */
const FOR_AN_ORDER = '{"orderId": "01990000-0000-7000-8000-000000000001"}';

const THINGS: Record<(typeof AUDITED)[number], Thing> = {
  merchant: {
    table: 'merchants',
    make: `INSERT INTO merchants (id, name, currency, timezone, locale) SELECT $2, 'Shop', 'USD', 'UTC', 'en' WHERE $1::uuid IS NOT NULL`,
    change: `UPDATE merchants SET plan = 'trial' WHERE id = $1`,
    changed: ['plan', 'standard', 'trial'],
    unseen: [],
    noise: [],
  },
  user: {
    table: 'users',
    make: `INSERT INTO users (merchant_id, id, email, name, role) VALUES ($1, $2, 'farai@example.com', 'Farai', 'agent')`,
    change: `UPDATE users SET role = 'driver' WHERE id = $1`,
    changed: ['role', 'agent', 'driver'],
    unseen: [],
    noise: [],
  },
  staff_phone: {
    table: 'staff_phones',
    make: `WITH u AS (INSERT INTO users (merchant_id, id, email, name, role) VALUES ($1, $2, 'farai@example.com', 'Farai', 'agent')),
                c AS (INSERT INTO contacts (merchant_id, id, phone) VALUES ($1, $2, '+263771234567'))
           INSERT INTO staff_phones (merchant_id, id, user_id, contact_id) VALUES ($1, $2, $2, $2)`,
    change: `UPDATE staff_phones SET linked_at = '2026-11-25T00:00:00Z' WHERE id = $1`,
    changed: ['linked_at', expect.any(String), '2026-11-25T00:00:00+00:00'],
    unseen: [],
    noise: [],
  },
  api_key: {
    table: 'api_keys',
    make: `INSERT INTO api_keys (merchant_id, id, name, hint, hash, scopes, created_by) VALUES ($1, $2, 'Books', 'sk_…abcd', '\\x01', '{orders:read}', $2)`,
    change: `UPDATE api_keys SET scopes = '{orders:write}' WHERE id = $1`,
    changed: ['scopes', ['orders:read'], ['orders:write']],
    unseen: ['hash', 'last_used_at'],
    noise: ['UPDATE api_keys SET last_used_at = now() WHERE id = $1'],
  },
  channel: {
    table: 'channels',
    make: `INSERT INTO channels (merchant_id, id, name, kind, shard) VALUES ($1, $2, 'Shop phone', 'simulator', 0)`,
    change: `UPDATE channels SET desired = 'connected' WHERE id = $1`,
    changed: ['desired', 'disconnected', 'connected'],
    unseen: ['status', 'reason', 'fence', 'last_connected_at', 'wish'],
    noise: [
      `UPDATE channels SET wish = wish + 1 WHERE id = $1`,
      `UPDATE channels SET status = 'connecting' WHERE id = $1`,
      `UPDATE channels SET status = 'connected', reason = 'scanned', fence = 7, last_connected_at = now() WHERE id = $1`,
    ],
  },
  contact: {
    table: 'contacts',
    make: `INSERT INTO contacts (merchant_id, id, phone) VALUES ($1, $2, '+263771234567')`,
    change: `UPDATE contacts SET blocked_at = '2026-11-25T00:00:00Z' WHERE id = $1`,
    changed: ['blocked_at', null, '2026-11-25T00:00:00+00:00'],
    unseen: [
      'phone',
      'lid',
      'wa_user_id',
      'name',
      'given_phone',
      'opted_out_at',
      'marketing_stopped_at',
      'language',
      'language_chosen',
    ],
    noise: [
      `UPDATE contacts SET name = 'Rudo', lid = '1', wa_user_id = 'US.1', given_phone = '1', opted_out_at = now(), marketing_stopped_at = now(), language = 'fr', language_chosen = true WHERE id = $1`,
    ],
  },
  template: {
    table: 'message_templates',
    make: `INSERT INTO message_templates (merchant_id, id, name, type, language, category, content) VALUES ($1, $2, 'hello', 'text', 'en', 'utility', '{"body": "Hi"}')`,
    change: `UPDATE message_templates SET content = '{"body": "Hello"}' WHERE id = $1`,
    changed: ['content', { body: 'Hi' }, { body: 'Hello' }],
    unseen: ['cloud_status', 'cloud_reason', 'cloud_checked_at', 'version', 'updated_at', 'media_id'],
    noise: [`UPDATE message_templates SET cloud_status = 'paused', cloud_reason = 'x', cloud_checked_at = now() WHERE id = $1`],
  },
  product: {
    table: 'products',
    make: `INSERT INTO products (merchant_id, id, sku, name, price_amount, currency, on_hand) VALUES ($1, $2, 'RICE', 'Rice 5 kg', 720, 'USD', 10)`,
    change: `UPDATE products SET price_amount = 750, reserved = 2, movement = '${FOR_AN_ORDER}', updated_at = now() WHERE id = $1`,
    changed: ['price_amount', 720, 750],
    unseen: ['reserved', 'updated_at', 'movement'],
    noise: [
      `UPDATE products SET reserved = reserved + 1, movement = '${FOR_AN_ORDER}', updated_at = now() + interval '1 second' WHERE id = $1`,
    ],
  },
  order: {
    table: 'orders',
    make: `INSERT INTO orders (merchant_id, id, number, status, customer_phone, total_amount, currency) VALUES ($1, $2, 1, 'pending', '+263771234567', 720, 'USD')`,
    change: `UPDATE orders SET status = 'confirmed', ring_at = NULL WHERE id = $1`,
    changed: ['status', 'pending', 'confirmed'],
    unseen: ['ring_at', 'updated_at'],
    noise: [`UPDATE orders SET ring_at = now() + interval '1 minute', updated_at = clock_timestamp() WHERE id = $1`],
  },
  payment: {
    table: 'payments',
    make: `WITH o AS (
             INSERT INTO orders (merchant_id, number, status, customer_phone, total_amount, currency)
             VALUES ($1, 1, 'pending', '+263771234567', 720, 'USD') RETURNING id
           )
           INSERT INTO payments (merchant_id, id, order_id, title, method, status, amount, currency)
           SELECT $1, $2, id, 'Order 1', 'transfer', 'pending', 720, 'USD' FROM o`,
    change: `UPDATE payments SET status = 'failed' WHERE id = $1`,
    changed: ['status', 'pending', 'failed'],
    unseen: ['ring_at', 'due_at', 'attempts', 'updated_at'],
    noise: [`UPDATE payments SET ring_at = now(), due_at = now(), attempts = 1, updated_at = clock_timestamp() WHERE id = $1`],
  },
  delivery: {
    table: 'delivery_tasks',
    make: `WITH o AS (INSERT INTO orders (merchant_id, id, number, status, customer_phone, total_amount, currency)
                      VALUES ($1, $2, 1, 'confirmed', '+263771234567', 720, 'USD'))
           INSERT INTO delivery_tasks (merchant_id, id, order_id) VALUES ($1, $2, $2)`,
    change: `UPDATE delivery_tasks SET status = 'assigned' WHERE id = $1`,
    changed: ['status', 'pending', 'assigned'],
    unseen: [
      'code',
      'wrong_codes',
      'code_locked_until',
      'tracking_hash',
      'tracking_token',
      'latitude',
      'longitude',
      'accuracy',
      'located_at',
      'updated_at',
    ],
    noise: [
      `UPDATE delivery_tasks SET latitude = 1, longitude = 2, accuracy = 3, located_at = now(), updated_at = now() WHERE id = $1`,
      `UPDATE delivery_tasks SET code = 'plain.1', wrong_codes = 1, code_locked_until = now(), tracking_hash = '\\x01', tracking_token = 'plain.2' WHERE id = $1`,
    ],
  },
  broadcast: {
    table: 'broadcasts',
    make: `WITH c AS (INSERT INTO channels (merchant_id, name, kind, shard) VALUES ($1, 'Shop phone', 'simulator', 0) RETURNING id)
           INSERT INTO broadcasts (merchant_id, id, name, status, channel_id, template_name, variables, category, segment)
           SELECT $1, $2, 'Sale', 'draft', id, 'sale', '{}', 'marketing', '{}' FROM c`,
    change: `UPDATE broadcasts SET status = 'running', ring_at = now() WHERE id = $1`,
    changed: ['status', 'draft', 'running'],
    unseen: ['ring_at'],
    noise: [`UPDATE broadcasts SET ring_at = now() WHERE id = $1`],
  },
  inbound_secret: {
    table: 'inbound_secrets',
    make: `INSERT INTO inbound_secrets (merchant_id, id, secret, made_at) VALUES ($1, $2, '${MERCHANT_KEY}', '2026-11-25T00:00:00Z')`,
    change: `UPDATE inbound_secrets SET made_at = '2026-11-26T00:00:00Z' WHERE id = $1`,
    changed: ['made_at', '2026-11-25T00:00:00+00:00', '2026-11-26T00:00:00+00:00'],
    unseen: [],
    noise: [],
  },
  webhook: {
    table: 'webhooks',
    make: `INSERT INTO webhooks (merchant_id, id, url, events, secret) VALUES ($1, $2, 'https://partner.example.com', '{*}', '${MERCHANT_KEY}')`,
    change: `UPDATE webhooks SET active = false WHERE id = $1`,
    changed: ['active', true, false],
    unseen: [],
    noise: [],
  },
};
/** Contacts make themselves, by writing to the shop: of them the trail holds changes alone. */
const KINDS = AUDITED.filter((kind) => kind !== 'contact').map((kind) => [kind, THINGS[kind]] as const);

const price = (amount: number) => `UPDATE products SET price_amount = ${amount} WHERE id = $1`;
const rename = (name: string) => `UPDATE products SET name = '${name}' WHERE id = $1`;
const priced = (amount: number) => expect.objectContaining({ price_amount: amount }) as object;
const FAIL = 'SELECT 1 / 0 WHERE $1::uuid IS NOT NULL';

async function setup() {
  const house = await integration({ imports: [AuditModule] });
  const { tenancy, module, databaseUrl } = house;
  const audit = module.get(AuditService);
  const shopId = await house.shop();
  const id = newId();
  return {
    ...house,
    shopId,
    /** The thing of the test; a merchant is its own. */
    id,
    /** Statements in one transaction of the thing's merchant, each with $1 the thing's id. */
    sql: (kind: string, ...statements: string[]) =>
      tenancy.run(kind === 'merchant' ? id : shopId, async (tx) => {
        for (const statement of statements) await tx.query(statement, [id]);
      }),
    make: (kind: string, { make }: Thing) => tenancy.run(kind === 'merchant' ? id : shopId, (tx) => tx.query(make, [shopId, id])),
    /** Entries of `kind`, oldest first. */
    trail: async (kind?: string, merchantId = kind === 'merchant' ? id : shopId) =>
      (await audit.list(merchantId, { limit: 100, entity: kind })).data.toReversed(),
    /** Everything that the trail holds, as text. */
    everything: async () => {
      const { rows } = await withClient(databaseUrl, (client) =>
        client.query<{ t: string }>('SELECT l::text AS t FROM audit_logs l'),
      );
      return rows.map(({ t }) => t).join('\n');
    },
  };
}

test('the tables with the trigger are those that can be asked for, under the same names', async () => {
  const { databaseUrl } = await integration({});
  const { rows } = await withClient(databaseUrl, (client) =>
    client.query<{ table: string; entity: string }>(
      `SELECT tgrelid::regclass::text AS table, split_part(encode(tgargs, 'escape'), '\\000', 1) AS entity
       FROM pg_trigger WHERE tgname = 'audit'`,
    ),
  );
  expect(rows.map(({ entity }) => entity).toSorted()).toEqual([...AUDITED].toSorted());
  expect(new Map(rows.map(({ table, entity }) => [entity, table]))).toEqual(
    new Map(Object.entries(THINGS).map(([kind, { table }]) => [kind, table])),
  );
});

test.each(KINDS)(
  '%s: that one was made, changed and removed is in the trail, with the row before and after',
  async (kind, thing) => {
    const { make, sql, trail, id } = await setup();
    await make(kind, thing);
    await sql(kind, thing.change);
    await sql(kind, `DELETE FROM ${thing.table} WHERE id = $1`);
    const [made, changed, removed] = await trail(kind);
    const [column, before, after] = thing.changed;
    for (const entry of [made, changed, removed]) expect(entry).toMatchObject({ entity: kind, entityId: id });
    expect([made, changed, removed].map((entry) => entry?.action)).toEqual(['create', 'update', 'delete']);
    expect(made!.before).toBeUndefined();
    expect(made!.after).toMatchObject({ id, [column]: before });
    expect(changed!.before).toEqual(made!.after);
    expect(changed!.after).toEqual({ ...made!.after, [column]: after });
    expect(removed!.before).toEqual(changed!.after);
    expect(removed!.after).toBeUndefined();
    expect(await trail(kind)).toHaveLength(3);
  },
);

test.each(KINDS)('%s: one is shown whole, but for what is noise or secret', async (kind, thing) => {
  const { make, trail, databaseUrl } = await setup();
  await make(kind, thing);
  const { rows } = await withClient(databaseUrl, (client) =>
    client.query<{ column_name: string }>(`SELECT column_name FROM information_schema.columns WHERE table_name = $1`, [
      thing.table,
    ]),
  );
  const [made] = await trail(kind);
  const columns = rows.map(({ column_name }) => column_name).filter((name) => !thing.unseen.includes(name));
  expect(Object.keys(made!.after!).toSorted()).toEqual(columns.toSorted());
});

test.each(KINDS)('%s: neither noise about one nor writing it as it was is in the trail', async (kind, thing) => {
  const { make, sql, trail } = await setup();
  await make(kind, thing);
  for (const noise of thing.noise) await sql(kind, noise);
  await sql(kind, `UPDATE ${thing.table} SET ${thing.changed[0]} = ${thing.changed[0]} WHERE id = $1`);
  expect(await trail(kind)).toHaveLength(1);
  await sql(kind, ...thing.noise, thing.change);
  expect((await trail(kind)).map(({ action }) => action)).toEqual(['create', 'update']);
});

test('contact: what the merchant decided about one is in the trail, and nothing that the customer does', async () => {
  const { make, sql, trail, id, databaseUrl } = await setup();
  const { change, noise, changed, unseen } = THINGS.contact;
  await make('contact', THINGS.contact);
  for (const each of noise) await sql('contact', each);
  expect(await trail('contact')).toEqual([]);
  await sql('contact', change);
  await sql('contact', change);
  await sql('contact', 'DELETE FROM contacts WHERE id = $1');
  const [entry, ...more] = await trail('contact');
  expect(more).toEqual([]);
  const [column, before, after] = changed;
  expect(entry).toMatchObject({ action: 'update', entityId: id, before: { [column]: before }, after: { [column]: after } });
  const { rows } = await withClient(databaseUrl, (client) =>
    client.query<{ column_name: string }>(`SELECT column_name FROM information_schema.columns WHERE table_name = 'contacts'`),
  );
  const shown = rows.map(({ column_name }) => column_name).filter((name) => !unseen.includes(name));
  expect(Object.keys(entry!.after!).toSorted()).toEqual(shown.toSorted());
});

test('one transaction’s changes are all there, in their order', async () => {
  const { make, sql, trail } = await setup();
  await make('product', THINGS.product);
  await sql('product', price(1), price(2), price(3), 'DELETE FROM products WHERE id = $1');
  const rows = (await trail('product')).map(({ before, after }) => [before, after]);
  expect(rows).toEqual([
    [undefined, priced(720)],
    [priced(720), priced(1)],
    [priced(1), priced(2)],
    [priced(2), priced(3)],
    [priced(3), undefined],
  ]);
});

test('what was rolled back was never there, and leaves no gap', async () => {
  const { make, sql, trail, tenancy, shopId, id } = await setup();
  await make('product', THINGS.product);
  await expect(sql('product', THINGS.product.change, FAIL)).rejects.toThrow(/division/);
  const unit = tenancy.unit(shopId);
  await unit.perform(() => sql('product', rename('Basmati')));
  await unit.perform(() => sql('product', FAIL).catch(() => undefined));
  await unit.rollback();
  expect(await trail('product')).toHaveLength(1);
  await tenancy.run(shopId, (tx) => tx.query(THINGS.product.change, [id]));
  expect((await trail()).map(({ seq }) => seq)).toEqual([1, 2, 3]);
});

test('of a unit of work the parts that stand are in the trail, and those that failed are not', async () => {
  const { make, sql, trail, tenancy, shopId } = await setup();
  await make('product', THINGS.product);
  const unit = tenancy.unit(shopId);
  await unit.perform(() => sql('product', rename('Basmati')));
  await unit.perform(() => sql('product', rename('Lost'), FAIL).catch(() => undefined));
  await unit.commit(async () => undefined);
  expect((await trail('product')).map(({ after }) => (after as { name: string }).name)).toEqual(['Rice 5 kg', 'Basmati']);
});

test('through the services: team, keys, profile and plan, each by who did it', async () => {
  const { module, merchant, trail } = await setup();
  const session = await merchant();
  const shopId = session.merchant.id;
  const me = (await module.get(CredentialService).identify(session.accessToken)) as Person;
  const [team, keys, merchants] = [module.get(TeamService), module.get(ApiKeyService), module.get(MerchantService)];
  const actor = { type: 'user', id: me.id, role: 'owner' } as const;
  await workContext.run({ requestId: newId(), actor }, async () => {
    const agent = { email: `${newId()}@example.com`, password: 'correct-horse', name: 'Farai', role: 'agent' as const };
    const { id } = await team.add(shopId, agent);
    await team.update(shopId, id, { role: 'driver' });
    await team.update(shopId, id, { password: 'staple-correct-horse' });
    await team.remove(shopId, id);
    const key = await keys.create(me, { name: 'Books', scopes: ['orders:read'] });
    await module.get(CredentialService).identify(key.key);
    await keys.revoke(shopId, key.id);
    await merchants.update(shopId, { openingHours: { monday: [{ from: '08:00', to: '17:00' }] } });
  });
  await workContext.run({ requestId: newId(), actor: { type: 'user', id: newId(), role: 'ops' } }, () =>
    merchants.setPlan(shopId, 'trial'),
  );
  const entries = (await trail(undefined, shopId)).slice(2); // After the merchant and its owner.
  expect(entries.map(({ entity, action }) => `${action} ${entity}`)).toEqual([
    'create user',
    'update user',
    'update user',
    'delete user',
    'create api_key',
    'delete api_key',
    'update merchant',
    'update merchant',
  ]);
  for (const entry of entries.slice(0, -1)) expect(entry.actor).toEqual(actor);
  expect(entries.at(-1)).toMatchObject({ actor: { role: 'ops' }, before: { plan: 'standard' }, after: { plan: 'trial' } });
});

test('passwords and keys are not in the trail, nor anything made of them', async () => {
  const { module, merchant, everything, databaseUrl } = await setup();
  const session = await merchant();
  const me = (await module.get(CredentialService).identify(session.accessToken)) as Person;
  await module.get(TeamService).update(me.merchantId, me.id, { password: 'staple-correct-horse' });
  const { key } = await module.get(ApiKeyService).create(me, { name: 'Books', scopes: ['orders:read'] });
  const { rows } = await withClient(databaseUrl, (client) =>
    client.query<{ password: string; hash: string }>(
      `SELECT password_hash AS password, encode(hash, 'hex') AS hash FROM logins, api_keys`,
    ),
  );
  const text = await everything();
  expect(text).toContain('password_changed_at');
  expect(text).toContain('Books');
  const { password, hash } = rows[0]!;
  const base64 = Buffer.from(hash, 'hex').toString('base64').slice(0, 20);
  for (const secret of [key, key.slice(3), hash, base64, password, password.slice(7), 'staple-correct-horse', 'correct-horse'])
    expect(text, secret).not.toContain(secret);
});

test('a webhook’s secret and headers are not in the trail, sealed or open; that they were changed is', async () => {
  const { module, tenancy, shopId, id, trail, everything } = await setup();
  const sealer = module.get(Sealer);
  const seal = (text: string, column: string) => sealer.seal(text, shopId, `webhooks.${column}`);
  const secrets = ['whsec_first', 'whsec_second'].map((text) => seal(text, 'secret'));
  const headers = ['{"X-Token":"s3cret"}', '{"X-Token":"0ther"}'].map((text) => seal(text, 'headers'));
  const set = (column: string, value: string | null) =>
    tenancy.run(shopId, (tx) => tx.query(`UPDATE webhooks SET ${column} = $2 WHERE id = $1`, [id, value]));
  await tenancy.run(shopId, (tx) =>
    tx.query(`INSERT INTO webhooks (merchant_id, id, url, events, secret, headers) VALUES ($1, $2, 'https://x', '{*}', $3, $4)`, [
      shopId,
      id,
      secrets[0],
      headers[0],
    ]),
  );
  await set('secret', secrets[1]!);
  await set('headers', headers[1]!);
  await set('headers', null);
  const shown = (await trail('webhook')).map(({ after }) => after as { secret: string; headers: string | null });
  expect(shown).toHaveLength(4);
  for (const { secret } of shown) expect(secret).toMatch(/^secret [0-9a-f]{8}$/);
  expect(shown[1]!.secret).not.toBe(shown[0]!.secret);
  expect(shown[2]!.secret).toBe(shown[1]!.secret);
  expect(shown[2]!.headers).toMatch(/^secret [0-9a-f]{8}$/);
  expect(shown[2]!.headers).not.toBe(shown[1]!.headers);
  expect(shown[3]!.headers).toBeNull();
  const text = await everything();
  for (const part of [...secrets, ...headers].flatMap((sealed) => [sealed, ...sealed.split('.').slice(2)]))
    expect(text).not.toContain(part);
  for (const open of ['whsec_', 's3cret', '0ther', 'X-Token']) expect(text).not.toContain(open);
});

test('a secret that is only kept under another key is no change', async () => {
  const { module, tenancy, shopId, id, make, trail } = await setup();
  await make('webhook', THINGS.webhook);
  const sealer = module.get(Sealer);
  const set = (value: string) =>
    tenancy.run(shopId, (tx) => tx.query('UPDATE webhooks SET secret = $2 WHERE id = $1', [id, value]));
  const sealed = sealer.seal('whsec_first', shopId, 'webhooks.secret');
  await set(sealed);
  const before = (await trail()).length;
  const resealed = sealer.reseal(sealed, shopId, 'webhooks.secret');
  expect(resealed).not.toBe(sealed);
  await set(resealed);
  expect(await trail()).toHaveLength(before);
});
