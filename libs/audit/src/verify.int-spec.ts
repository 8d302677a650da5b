import { PLATFORM_ID } from '@soko/identity';
import { integration, withClient } from '@soko/testing';
import { expect, test } from 'vitest';
import { type ChainVerdict, verifyChains } from './verify.js';

const HEALTHY = { length: 5, head: expect.stringMatching(/^[0-9a-f]{64}$/) as string };

/** Two merchants with a chain of five entries each. */
async function setup() {
  const house = await integration({});
  const { tenancy, system, databaseUrl } = house;
  const rename = (merchantId: string, name: string) =>
    tenancy.run(merchantId, (tx) => tx.query('UPDATE merchants SET name = $1', [name]));
  const open = async () => {
    const shopId = await house.shop();
    for (let n = 2; n <= 5; n += 1) await rename(shopId, `Shop ${n}`);
    return shopId;
  };
  const verdicts = async () => {
    const all: ChainVerdict[] = [];
    for await (const verdict of verifyChains(system)) all.push(verdict);
    return all;
  };
  const [shopId, other] = [await open(), await open()];
  return {
    ...house,
    shopId,
    other,
    rename,
    verdicts,
    verdictOf: async (id: string) => (await verdicts()).find(({ merchantId }) => merchantId === id)!,
    /** Does what no role may, past every trigger; `$1` is the first merchant. */
    tamper: (...statements: string[]) =>
      withClient(databaseUrl, async (client) => {
        await client.query('SET session_replication_role = replica');
        for (const statement of statements) await client.query(statement.replaceAll('$1', `'${shopId}'`));
      }),
  };
}

const at = (seq: number) => `WHERE merchant_id = $1 AND seq = ${seq}`;
const remove = (seq: number) => `DELETE FROM audit_logs ${at(seq)}`;
const change = (seq: number) => `UPDATE audit_logs SET after = after || '{"name": "Mine"}' ${at(seq)}`;
/** Gives an entry the hash that fits what it says now. */
const rehash = (seq: number) => `UPDATE audit_logs l SET hash = audit_hash(l) ${at(seq)}`;
const relink = (seq: number) => [
  `UPDATE audit_logs SET prev_hash = (SELECT hash FROM audit_logs ${at(seq - 1)}) ${at(seq)}`,
  rehash(seq),
];
/** An entry of our own that fits the one before it. */
const add = (seq: number) => [
  `INSERT INTO audit_logs (merchant_id, seq, at, entity, entity_id, action, actor_type, prev_hash, hash)
   SELECT merchant_id, ${seq}, at, entity, entity_id, action, actor_type, hash, '' FROM audit_logs ${at(seq - 1)}`,
  rehash(seq),
];
const moveHead = (seq: number) =>
  `UPDATE audit_heads h SET seq = l.seq, hash = l.hash FROM audit_logs l
   WHERE h.merchant_id = $1 AND l.merchant_id = $1 AND l.seq = ${seq}`;

const MISSING = 'an entry is missing';
const CHANGED = 'the entry was changed';
const REPLACED = 'the entry before it was replaced';
const CUT = 'entries at the end are missing';
const LONGER = 'there are entries after the end';
const NOT_THE_LAST = 'the last entry is not the one that was written';

test('a healthy database: every chain holds, and is told with its length and its last hash', async () => {
  const { verdicts, shopId, other, system } = await setup();
  const found = await verdicts();
  expect(found).toEqual([shopId, other].toSorted().map((merchantId) => ({ merchantId, ...HEALTHY })));
  const last = await system.query<{ id: string; hash: Buffer }>('SELECT merchant_id AS id, hash FROM audit_logs WHERE seq = 5');
  for (const { id, hash } of last) expect(found.find(({ merchantId }) => merchantId === id)!.head).toBe(hash.toString('hex'));
});

test('whatever is changed of an entry, it is found where it is', async () => {
  const { verdictOf, shopId, other, tamper } = await setup();
  await tamper('CREATE TABLE saved AS TABLE audit_logs');
  for (const set of [
    'id = uuidv7()',
    `at = at + interval '1 microsecond'`,
    `entity = 'product'`,
    'entity_id = uuidv7()',
    `action = 'create'`,
    `actor_type = 'bot'`,
    'actor_id = uuidv7()',
    `actor_role = 'owner'`,
    `ip = '203.0.113.7'`,
    `request_id = 'mine'`,
    `before = before || '{"name": "Mine"}'`,
    'before = NULL',
    `after = after - 'name'`,
    'before = after, after = before',
    'hash = sha256(hash)',
  ]) {
    await tamper(`UPDATE audit_logs SET ${set} ${at(3)}`);
    expect(await verdictOf(shopId), set).toEqual({ merchantId: shopId, ...HEALTHY, broken: { seq: 3, why: CHANGED } });
    expect(await verdictOf(other), set).toEqual({ merchantId: other, ...HEALTHY });
    await tamper('DELETE FROM audit_logs', 'INSERT INTO audit_logs SELECT * FROM saved');
    expect(await verdictOf(shopId), set).toEqual({ merchantId: shopId, ...HEALTHY });
  }
});

test.each<[string, string[], { seq: number; why: string }]>([
  ['the first entry was changed', [change(1)], { seq: 1, why: CHANGED }],
  ['the last entry was changed', [change(5)], { seq: 5, why: CHANGED }],
  ['two entries were changed', [change(4), change(2)], { seq: 2, why: CHANGED }],
  ['an entry in the middle was removed', [remove(3)], { seq: 3, why: MISSING }],
  ['two entries in the middle were removed', [remove(3), remove(4)], { seq: 3, why: MISSING }],
  ['the first entry was removed', [remove(1)], { seq: 1, why: MISSING }],
  ['the last entry was removed', [remove(5)], { seq: 5, why: CUT }],
  ['the last two entries were removed', [remove(4), remove(5)], { seq: 4, why: CUT }],
  ['every entry was removed', [1, 2, 3, 4, 5].map(remove), { seq: 1, why: CUT }],
  ['an entry was added at the end', add(6), { seq: 6, why: LONGER }],
  ['three entries were added at the end', [6, 7, 8].flatMap(add), { seq: 6, why: LONGER }],
  [
    'an entry was put between others',
    [
      'UPDATE audit_logs SET seq = -(seq + 1) WHERE merchant_id = $1 AND seq >= 3',
      'UPDATE audit_logs SET seq = -seq WHERE merchant_id = $1 AND seq < 0',
      ...add(3),
    ],
    { seq: 4, why: expect.any(String) as string },
  ],
  [
    'two entries changed places',
    [2, 3]
      .map((seq) => `UPDATE audit_logs SET seq = -(5 - ${seq}) ${at(seq)}`)
      .concat('UPDATE audit_logs SET seq = -seq WHERE seq < 0'),
    { seq: 2, why: expect.any(String) as string },
  ],
  ['an entry was changed with its own hash, and not the next', [change(3), rehash(3)], { seq: 4, why: REPLACED }],
  ['the first entry was changed with its own hash', [change(1), rehash(1)], { seq: 2, why: REPLACED }],
  ['the last entry was changed with its own hash', [change(5), rehash(5)], { seq: 5, why: NOT_THE_LAST }],
  [
    'an entry was changed with all hashes after it, and not the head',
    [change(3), rehash(3), ...relink(4), ...relink(5)],
    { seq: 5, why: NOT_THE_LAST },
  ],
  ['a link was turned to nowhere', [`UPDATE audit_logs SET prev_hash = '' ${at(3)}`, rehash(3)], { seq: 3, why: REPLACED }],
  [
    'the first entry was tied to another chain',
    [`UPDATE audit_logs SET prev_hash = hash ${at(1)}`, rehash(1)],
    { seq: 1, why: REPLACED },
  ],
  ['the head was moved back', [moveHead(4)], { seq: 5, why: LONGER }],
  [
    'the head has another hash',
    [`UPDATE audit_heads SET hash = sha256(hash) WHERE merchant_id = $1`],
    { seq: 5, why: NOT_THE_LAST },
  ],
])('%s: the first link that does not hold is named, of this chain alone', async (_, statements, broken) => {
  const { verdictOf, shopId, other, tamper } = await setup();
  await tamper(...statements);
  expect((await verdictOf(shopId)).broken).toEqual(broken);
  expect(await verdictOf(other)).toEqual({ merchantId: other, ...HEALTHY });
});

test('a chain whose head was removed is told too', async () => {
  const { verdicts, verdictOf, shopId, other, tamper } = await setup();
  await tamper('DELETE FROM audit_heads WHERE merchant_id = $1');
  expect(await verdictOf(shopId)).toEqual({
    merchantId: shopId,
    length: 0,
    head: '',
    broken: { seq: 1, why: 'the chain has no head' },
  });
  expect(await verdictOf(other)).toEqual({ merchantId: other, ...HEALTHY });
  expect(await verdicts()).toHaveLength(2);
});

test('an entry that was moved to another merchant is missed here and found there', async () => {
  const { verdictOf, shopId, other, tamper } = await setup();
  await tamper(`UPDATE audit_logs SET merchant_id = '${other}', seq = 6 ${at(3)}`);
  expect((await verdictOf(shopId)).broken).toEqual({ seq: 3, why: MISSING });
  expect((await verdictOf(other)).broken!.seq).toBe(6);
});

test('a cut at the end with the head moved back holds by itself, but not against the head that was noted', async () => {
  const { verdictOf, shopId, tamper } = await setup();
  const noted = await verdictOf(shopId);
  await tamper(moveHead(4), remove(5));
  const found = await verdictOf(shopId);
  expect(found).not.toHaveProperty('broken');
  expect(found.length).toBeLessThan(noted.length);
  expect(found.head).not.toBe(noted.head);
});

test('a chain that grows while the others are looked at is not called broken', async () => {
  const { shopId, other, system, rename } = await setup();
  const chains = verifyChains(system);
  expect((await chains.next()).value).toEqual({ merchantId: [shopId, other].toSorted()[0], ...HEALTHY });
  await rename(shopId, 'Later');
  await rename(other, 'Later');
  const [, second] = [shopId, other].toSorted();
  expect((await chains.next()).value).toEqual({ merchantId: second, ...HEALTHY, length: 6 });
  expect((await chains.next()).done).toBe(true);
});

test('every chain is followed, however many merchants there are, and the platform’s too', async () => {
  const { system, databaseUrl, verdicts, tamper } = await setup();
  await withClient(databaseUrl, (client) =>
    client.query(
      `INSERT INTO merchants (id, name, currency, timezone, locale)
       SELECT id, 'Shop', 'USD', 'UTC', 'en' FROM (SELECT uuidv7() AS id FROM generate_series(1, 1010) UNION ALL SELECT $1) AS ids`,
      [PLATFORM_ID],
    ),
  );
  const [last] = await system.query<{ id: string }>('SELECT id FROM merchants ORDER BY id DESC LIMIT 1');
  await tamper(`UPDATE audit_logs SET ip = 'mine' WHERE seq = 1 AND merchant_id IN ('${PLATFORM_ID}', '${last!.id}')`);
  const found = await verdicts();
  expect(found).toHaveLength(1_013);
  expect(new Set(found.map(({ merchantId }) => merchantId)).size).toBe(1_013);
  expect(found.filter(({ broken }) => broken).map(({ merchantId }) => merchantId)).toEqual([PLATFORM_ID, last!.id]);
});

test('no setting of the session that looks changes what a hash is', async () => {
  const { databaseUrl } = await setup();
  await withClient(databaseUrl, async (client) => {
    for (const setting of [
      `TimeZone = 'Asia/Kathmandu'`,
      `DateStyle = 'SQL, DMY'`,
      `bytea_output = 'escape'`,
      `extra_float_digits = -15`,
      `IntervalStyle = 'sql_standard'`,
      `client_encoding = 'LATIN1'`,
      `standard_conforming_strings = off`,
    ]) {
      await client.query(`SET ${setting}`);
      const { rows } = await client.query('SELECT seq FROM audit_logs l WHERE hash <> audit_hash(l)');
      expect(rows, setting).toEqual([]);
    }
  });
});
