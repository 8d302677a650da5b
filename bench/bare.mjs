// @ts-check
// The bare baseline of bench/api.mjs: Fastify and pg alone, doing the same SQL as the api. Nothing is checked, counted or logged.
import Fastify from 'fastify';
import { Pool } from 'pg';

const { DATABASE_URL, MERCHANT, SESSION } = process.env;
/** @param {string} role @param {number} max */
const pool = (role, max) =>
  new Pool({ connectionString: DATABASE_URL, max, options: `-c role=${role} -c search_path=public -c jit=off` });
const [app, system] = [pool('soko_app', 10), pool('soko_system', 4)];

const WHO = {
  name: 'who',
  text: `SELECT u.id, u.email, u.name, u.role, m.name AS merchant, m.currency, m.timezone, m.locale, m.plan
         FROM sessions s
         JOIN users u ON u.merchant_id = s.merchant_id AND u.id = s.user_id
         JOIN merchants m ON m.id = s.merchant_id
         WHERE s.merchant_id = $1 AND s.id = $2 AND s.expires_at > now()`,
  values: [MERCHANT, SESSION],
};
const PRODUCTS = {
  name: 'products',
  text: `SELECT merchant_id, id, sku, name, description, category, price_amount, currency, on_hand, reserved, low_stock_at, active
         FROM products WHERE merchant_id = $1 ORDER BY id LIMIT 51`,
  values: [MERCHANT],
};

const server = Fastify();
server.get('/api/auth/me', async () => {
  const { id, email, name, role, merchant, currency, timezone, locale } = (await system.query(WHO)).rows[0];
  return { user: { id, email, name, role }, merchant: { id: MERCHANT, name: merchant, currency, timezone, locale } };
});
server.get('/api/products', async () => {
  await system.query(WHO);
  const client = await app.connect();
  try {
    await client.query(`BEGIN; SELECT set_config('app.merchant_id', '${MERCHANT}', true), set_config('app.actor', '{}', true)`);
    const { rows } = await client.query(PRODUCTS);
    await client.query('COMMIT');
    return {
      data: rows.slice(0, 50).map((row) => ({
        id: row.id,
        sku: row.sku,
        name: row.name,
        price: { amount: Number(row.price_amount), currency: row.currency },
        stock: Number(row.on_hand),
        available: row.on_hand - row.reserved,
        active: row.active,
      })),
      pagination: { limit: 50, hasMore: rows.length > 50 },
    };
  } finally {
    client.release();
  }
});
await server.listen({ port: 0, host: '127.0.0.1' });
process.send?.({ port: /** @type {import('node:net').AddressInfo} */ (server.server.address()).port });
process.once('disconnect', () => process.exit(0));
