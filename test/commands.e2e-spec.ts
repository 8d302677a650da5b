import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { newId } from '@soko/common';
import { ApiClient, until } from '@soko/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../scripts/launcher/ports.mjs';
import { openShop } from './support/shop.js';
import { startTestStack, type TestStack } from './support/stack.js';
import { settled } from './support/verdict.js';

/** What operators run while everything runs. */
let env: TestStack;
beforeAll(async () => {
  env = await startTestStack();
});
afterAll(() => env.stop());

interface Result {
  code: number;
  out: string;
  err: string;
}

/** As `npm run` does it, on the settings of the running stack. */
function command(entry: string, args: string[] = [], settings: NodeJS.ProcessEnv = {}): Promise<Result> {
  return new Promise((resolve) => {
    const all = ['scripts/command.mjs', entry, ...args];
    execFile(process.execPath, all, { env: { ...env.stack.env, ...settings } }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}
const verify = () => command('libs/audit/src/verify.cli.js');

test('npm run audit:verify tells each chain’s head, and the first broken link when somebody tampered', async () => {
  const { client, merchantId } = await ApiClient.register(env.baseUrl);
  for (const sku of ['A', 'B', 'C']) {
    await client.ok('POST', '/api/products', { sku, name: sku, price: { amount: 1, currency: 'USD' }, stock: 1 });
  }
  await settled(env.db); // The default templates are entries too.
  const well = await verify();
  expect(well).toMatchObject({ code: 0, err: '' });
  // The merchant and its owner, three products, and eight templates in three languages.
  expect(well.out).toMatch(new RegExp(`merchant ${merchantId}: 29 entries, head [0-9a-f]{64}`));
  expect(well.out).toMatch(/\d+ chains, \d+ entries, 0 broken/);

  await env.db.query('BEGIN');
  await env.db.query(`SET LOCAL session_replication_role = replica`);
  const change = `UPDATE audit_logs SET after = jsonb_set(after, '{price_amount}', '9') WHERE merchant_id = $1 AND seq = 4`;
  await env.db.query(change, [merchantId]);
  await env.db.query('COMMIT');
  const broken = await verify();
  expect(broken.code).toBe(1);
  expect(broken.err).toContain(`merchant ${merchantId}: BROKEN at entry 4: the entry was changed`);
  expect(broken.out).toMatch(/1 broken/);
});

test('npm run keys:rotate while everything runs: no secret is lost, and the old key is needed no more', async () => {
  const shop = await openShop(env.baseUrl, { name: 'Rice', stock: 10 });
  const oldKeys = env.stack.env.ENCRYPTION_KEYS!;
  const newKey = `k2:${randomBytes(32).toString('base64')}`;
  // A process of the next step, that seals under the new key and opens both.
  const port = await freePort('127.0.0.1');
  await env.stack.spawn('api-next', 'api', { PORT: String(port), ENCRYPTION_KEYS: `${newKey},${oldKeys}` }).ready;
  const next = shop.client.at(`http://127.0.0.1:${port}`);
  const done = new AbortController();
  const made = (async () => {
    const ids: string[] = [];
    while (!done.signal.aborted)
      ids.push(
        (
          await next.ok<{ id: string }>('POST', '/api/webhooks', {
            url: shop.receiver.url,
            events: ['order_created'],
            headers: { 'x-token': newId() },
          })
        ).id,
      );
    return ids;
  })();
  await until('some webhooks', async () => {
    const { rows } = await env.db.query('SELECT 1 FROM webhooks WHERE merchant_id = $1', [shop.merchantId]);
    return rows.length > 5;
  });
  const rotated = await command('libs/database/src/key-rotation.cli.js', [], { ENCRYPTION_KEYS: `${newKey},${oldKeys}` });
  done.abort();
  expect((await made).length).toBeGreaterThan(5);
  expect(rotated).toMatchObject({ code: 0, err: '' });
  expect(rotated.out).toMatch(/webhooks\.secret: [1-9]\d* sealed anew/);
  const { rows } = await env.db.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM webhooks WHERE split_part(secret, '.', 2) <> 'k2' OR split_part(headers, '.', 2) <> 'k2'`,
  );
  expect(rows[0]!.n).toBe(0);

  const last = await freePort('127.0.0.1');
  await env.stack.spawn('api-last', 'api', { PORT: String(last), ENCRYPTION_KEYS: newKey }).ready;
  const { data } = await shop.client
    .at(`http://127.0.0.1:${last}`)
    .ok<{ data: { headers: string[] }[] }>('GET', '/api/webhooks?limit=100');
  expect(data.filter(({ headers }) => headers[0] === 'x-token').length).toBeGreaterThan(5);
  const trail = await shop.client.ok<{ data: object[] }>('GET', '/api/audit?entity=webhook&actor=system');
  expect(trail.data).toEqual([]);
  await shop.receiver.close();
});

test('npm run ops:add adds somebody who sees all merchants; twice, or wrong, is one line that says why', async () => {
  const email = `${newId()}@soko.example`;
  const added = await command('libs/identity/src/ops.cli.js', ['--email', email]);
  const password = /with the password (\S+) /.exec(added.out)![1]!;
  const session = await new ApiClient(env.baseUrl).ok<{ accessToken: string; user: object }>('POST', '/api/auth/login', {
    email,
    password,
  });
  expect(session.user).toMatchObject({ email, role: 'ops' });
  const ops = new ApiClient(env.baseUrl, session.accessToken);
  const merchants = await ops.ok<{ data: { id: string }[] }>('GET', '/api/admin/merchants');
  expect(merchants.data.length).toBeGreaterThan(0);
  expect(merchants.data.map(({ id }) => id)).not.toContain('00000000-0000-0000-0000-000000000000');
  for (const [args, line] of [
    [['--email', email], `${email} has an account already: choose another e-mail`],
    [['--email', 'nobody'], 'email: email must be an email'],
    [[], 'Say whom to add: npm run ops:add -- --email'],
  ] as const) {
    const refused = await command('libs/identity/src/ops.cli.js', [...args]);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain(line);
    expect(refused.err.trim().split('\n')).toHaveLength(1);
  }
});

test('a command without a database says what to do', async () => {
  const nowhere = await command('libs/audit/src/verify.cli.js', [], { DATABASE_URL: '', SOKO_DATA_DIR: '/tmp/soko-nowhere' });
  expect(nowhere).toEqual({
    code: 1,
    out: '',
    err: 'There is no database: set DATABASE_URL, or run npm start in another terminal first\n',
  });
});
