import { Injectable } from '@nestjs/common';
import { newId } from '@soko/common';
import type { TenantTx } from '@soko/database';
import { gate, type Gate, integration, parallel } from '@soko/testing';
import { expect, test } from 'vitest';
import { DeadLetterRetry } from './dead-letter.retry.js';
import { DeadLetterService } from './dead-letter.service.js';
import { DeadLetters, type Letter } from './dead-letters.js';
import { DeadLettersModule } from './dead-letters.module.js';
import { type Revival, Revives } from './reviver.registry.js';

/** Revives by writing a contact, so that what was done can be counted and rolled back. */
@Injectable()
class Revivers {
  readonly failing = new Set<string>();
  hold?: Gate;

  @Revives('inbound_message')
  async store(tx: TenantTx, reference: string): Promise<Revival> {
    await tx.query('INSERT INTO contacts (merchant_id, phone, name) VALUES ($1, $2, $3)', [tx.merchantId, newId(), reference]);
    await this.hold?.opened;
    if (this.failing.has(reference)) throw new Error(`no room for +263771234567 in ${reference}`);
    return 'done';
  }

  @Revives('outbound_message')
  async send(tx: TenantTx, reference: string): Promise<Revival> {
    await tx.query('INSERT INTO contacts (merchant_id, phone, name) VALUES ($1, $2, $3)', [tx.merchantId, newId(), reference]);
    return 'handed_on';
  }
}

const timedOut = (merchantId: string): Letter => ({ merchantId, kind: 'webhook_delivery', reference: 'd', reason: 'timeout' });

async function setup() {
  const house = await integration({ imports: [DeadLettersModule], providers: [Revivers] });
  const { tenancy, module, system } = house;
  const merchantId = await house.shop();
  const bury = (...letters: Partial<Letter>[]) =>
    tenancy.run(merchantId, (tx) =>
      DeadLetters.buryMany(
        tx,
        letters.map(
          (letter) => ({ merchantId, kind: 'inbound_message', reference: newId(), reason: 'test', ...letter }) satisfies Letter,
        ),
      ),
    );
  const rows = () =>
    system.query<{
      id: string;
      reference: string;
      attempts: number;
      status: string;
      reason: string;
      rests: boolean;
      minutes: number;
    }>(
      `SELECT id, reference, attempts, status, reason, ring_at IS NULL AS rests, extract(epoch FROM ring_at - now())::float8 / 60 AS minutes
       FROM dead_letters ORDER BY id`,
    );
  const retries = module.get(DeadLetterRetry);
  return {
    ...house,
    merchantId,
    bury,
    rows,
    revivers: module.get(Revivers),
    letters: module.get(DeadLetterService),
    retry: (deadLetterId: string) => retries.retry({ merchantId, deadLetterId }),
    revived: async () =>
      (await tenancy.run(merchantId, (tx) => tx.query<{ name: string }>('SELECT name FROM contacts'))).map(({ name }) => name),
  };
}

test('a letter is written with what it is about, and rolled back with it', async () => {
  const { tenancy, merchantId, rows, letters, bury } = await setup();
  const letter = { merchantId, kind: 'reaction', reference: 'a/1', reason: new Error('call +263771234567') } as const;
  await expect(
    tenancy.run(merchantId, async (tx) => {
      await DeadLetters.bury(tx, letter);
      throw new Error('rolled back');
    }),
  ).rejects.toThrow('rolled back');
  expect(await rows()).toEqual([]);
  await bury(letter);
  const [view] = (await letters.list({ limit: 5 })).data;
  expect(view).toEqual({
    id: expect.any(String),
    merchantId,
    kind: 'reaction',
    reference: 'a/1',
    reason: 'call +263*****4567',
    status: 'dead',
    attempts: 0,
    firstFailedAt: expect.any(String),
    lastFailedAt: expect.any(String),
  });
  expect(await letters.get(view!.id)).toEqual(view);
});

test('no work of a merchant reads why, and another merchant’s letters are not there at all', async () => {
  const { tenancy, merchantId, bury, shop, rows } = await setup();
  await bury({});
  const read = (of: string, columns: string) => tenancy.run(of, (tx) => tx.query(`SELECT ${columns} FROM dead_letters`));
  await expect(read(merchantId, 'reason')).rejects.toThrow(/permission denied/);
  await expect(read(merchantId, '*')).rejects.toThrow(/permission denied/);
  expect(await read(merchantId, 'kind')).toHaveLength(1);
  const other = await shop();
  expect(await read(other, 'kind')).toEqual([]);
  await tenancy.run(other, (tx) => tx.query('DELETE FROM dead_letters WHERE merchant_id = $1', [merchantId]));
  expect(await rows()).toHaveLength(1);
});

test('across merchants letters are buried by the system, and one that is named twice is one', async () => {
  const { system, merchantId, shop, rows } = await setup();
  const other = await shop();
  await system.run((tx) => DeadLetters.buryMany(tx, [timedOut(merchantId), timedOut(other), timedOut(merchantId)]));
  expect(await rows()).toMatchObject([
    { attempts: 0, rests: true },
    { attempts: 0, rests: true },
  ]);
  await system.run((tx) => DeadLetters.drop(tx, other, 'webhook_delivery', ['d']));
  expect(await rows()).toHaveLength(1);
});

test('what was retried and fails at once comes back with one try more, later each time; what it wrote is gone', async () => {
  const { bury, rows, retry, revivers, letters, revived } = await setup();
  await bury({ reference: 'one' });
  const [{ id } = { id: '' }] = await rows();
  // Not due: an alarm for nothing.
  await retry(id);
  expect(await rows()).toMatchObject([{ attempts: 0 }]);
  revivers.failing.add('one');
  await letters.ring(id);
  await retry(id);
  expect(await rows()).toMatchObject([{ attempts: 1, reason: 'no room for +263*****4567 in one', status: 'dead' }]);
  expect((await rows())[0]!.minutes / 30).toBeGreaterThan(0.79);
  expect(await revived()).toEqual([]);
  revivers.failing.clear();
  await letters.ring(id);
  await retry(id);
  expect(await rows()).toEqual([]);
  expect(await revived()).toEqual(['one']);
});

test('retries at once are one', async () => {
  const { bury, rows, retry, revivers, letters, revived } = await setup();
  await bury({ reference: 'one' });
  const [{ id } = { id: '' }] = await rows();
  await letters.ring(id);
  revivers.hold = gate();
  const all = parallel(6, () => retry(id));
  revivers.hold.open();
  await all;
  expect(await revived()).toEqual(['one']);
  // Once more, by an alarm that came late.
  await retry(id);
  expect(await revived()).toEqual(['one']);
});

test('what is handed on is remembered: asked for again it is left alone, and dead again it counts on', async () => {
  const { bury, rows, retry, letters, revived } = await setup();
  const letter = { kind: 'outbound_message', reference: newId(), reason: 'refused' } as const;
  await bury(letter);
  const [{ id } = { id: '' }] = await rows();
  expect(await rows()).toMatchObject([{ rests: true }]);
  await letters.ring(id);
  await retry(id);
  expect(await rows()).toMatchObject([{ status: 'retrying', rests: true }]);
  await letters.ring(id);
  await retry(id);
  expect(await revived()).toHaveLength(1);
  expect((await letters.counts()).get('outbound_message')).toBe(0);
  await bury({ ...letter, reason: 'refused again' });
  expect(await rows()).toMatchObject([{ id, status: 'dead', attempts: 1, reason: 'refused again' }]);
  expect((await letters.counts()).get('outbound_message')).toBe(1);
});

test('a kind that nobody revives here is put off like any failure, and says so', async () => {
  const { bury, rows, retry, letters } = await setup();
  await bury({ kind: 'reaction', reference: 'a/1' });
  const [{ id } = { id: '' }] = await rows();
  await letters.ring(id);
  await retry(id);
  expect(await rows()).toMatchObject([{ attempts: 1, rests: true, reason: 'nobody revives dead letters of reaction here' }]);
});

test('ops look for letters by kind, merchant, reason and state, page by page', async () => {
  const { bury, letters, merchantId, shop, rows, retry } = await setup();
  for (let n = 0; n < 5; n += 1) await bury({ reference: `in-${n}`, reason: n % 2 ? 'Timeout of the store' : 'nonsense' });
  await bury({ kind: 'outbound_message', reference: 'out' });
  const found = async (query: object) => (await letters.list({ limit: 50, ...query })).data.map(({ reference }) => reference);
  expect(await found({})).toEqual(['out', 'in-4', 'in-3', 'in-2', 'in-1', 'in-0']);
  expect(await found({ kind: 'outbound_message' })).toEqual(['out']);
  expect(await found({ reason: 'timeout' })).toEqual(['in-3', 'in-1']);
  expect(await found({ merchantId: await shop() })).toEqual([]);
  expect(await found({ merchantId })).toHaveLength(6);
  const out = (await rows()).at(-1)!.id;
  await letters.ring(out);
  await retry(out);
  expect(await found({ status: 'retrying' })).toEqual(['out']);
  const first = await letters.list({ limit: 4 });
  const rest = await letters.list({ limit: 4, cursor: first.pagination.nextCursor });
  expect([...first.data, ...rest.data].map(({ reference }) => reference)).toEqual(await found({}));
  for (const call of ['get', 'ring', 'discard'] as const)
    await expect(letters[call](newId())).rejects.toMatchObject({ status: 404, code: 'dead_letter_not_found' });
});

test('in bulk: by a kind and a reason, or by ids, so many at once, and on from where it stopped', async () => {
  const { bury, letters, rows, alarms, merchantId } = await setup();
  for (let n = 0; n < 7; n += 1) await bury({ reference: `in-${n}`, reason: n < 5 ? 'timeout' : 'nonsense' });
  await bury({ kind: 'reaction', reference: 'a/1', reason: 'timeout' });
  await expect(letters.discardMany({})).rejects.toMatchObject({ status: 422 });
  await expect(letters.discardMany({ reason: 'timeout' })).rejects.toMatchObject({ status: 422 });
  const ids = (await rows()).map(({ id }) => id);
  const selection = { kind: 'inbound_message', reason: 'TIMEOUT', limit: 3 } as const;
  const first = await letters.ringMany(selection);
  expect(first).toEqual({ count: 3, next: ids[2] });
  expect(await letters.ringMany({ ...selection, after: first.next })).toEqual({ count: 2 });
  expect(await alarms('maintenance', 5)).toEqual(ids.slice(0, 5).map((deadLetterId) => ({ merchantId, deadLetterId })));
  expect(await letters.discardMany({ ids: [ids[5]!, ids[7]!, newId()] })).toEqual({ count: 2 });
  expect(await letters.discardMany({ ids: [ids[5]!, ids[7]!] })).toEqual({ count: 0 });
  expect(await letters.discardMany({ kind: 'inbound_message', limit: 4 })).toEqual({ count: 4, next: ids[3] });
  expect((await rows()).map(({ reference }) => reference)).toEqual(['in-4', 'in-6']);
});
