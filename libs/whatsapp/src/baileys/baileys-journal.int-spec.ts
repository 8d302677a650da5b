import { setTimeout as pause } from 'node:timers/promises';
import { parallel, seeded, until, withClient } from '@soko/testing';
import { DEFAULT_CONNECTION_CONFIG } from '@whiskeysockets/baileys';
import { Client } from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { nextNumber, setup } from '../../../../test/support/baileys.js';

/** A transaction of somebody else's that keeps everybody from the journal. */
async function lockJournal(databaseUrl: string): Promise<() => Promise<void>> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('BEGIN; LOCK TABLE inbound_deliveries');
  let unlocked = false;
  const unlock = async (): Promise<void> => {
    if (unlocked) return;
    unlocked = true;
    await client.end();
  };
  onTestFinished(unlock);
  return unlock;
}

const failing = (databaseUrl: string, on: boolean) =>
  withClient(databaseUrl, (client) =>
    client.query(
      on
        ? `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the disk is full'; END $$;
           CREATE TRIGGER fail BEFORE INSERT ON inbound_deliveries FOR EACH ROW EXECUTE FUNCTION fail()`
        : 'DROP TRIGGER fail ON inbound_deliveries; DROP FUNCTION fail',
    ),
  );

test('WhatsApp is told that we have a message only after it is in the journal', async () => {
  const { server, linked, databaseUrl, journalled } = await setup();
  const { phone } = await linked();
  const rudo = server.customer(nextNumber());
  const first = await rudo.write(phone, { text: 'one' });
  await until('acknowledged', () => phone.acknowledged.has(first));
  const unlock = await lockJournal(databaseUrl);
  const id = await rudo.write(phone, { text: 'two' });
  await until('waiting for the journal', async () => {
    const { rows } = await withClient(databaseUrl, (client) =>
      client.query(`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%inbound_deliveries%'`),
    );
    return rows.length > 0;
  });
  expect(phone.acknowledged.has(id)).toBe(false);
  expect(phone.refused.has(id)).toBe(false);
  await unlock();
  await until('acknowledged', () => phone.acknowledged.has(id));
  expect(await journalled()).toEqual([first, id]);
});

test.each(['first', 'later'])(
  'a message that cannot be written down is neither acknowledged nor refused: it comes again, and is kept once (the %s one of a customer)',
  async (which) => {
    const { server, linked, databaseUrl, journalled, reports } = await setup();
    const { phone } = await linked();
    const rudo = server.customer(nextNumber());
    const before: string[] = [];
    if (which === 'later') {
      before.push(await rudo.write(phone, { text: 'one' }));
      await until('acknowledged', () => phone.acknowledged.has(before[0]!));
    }
    const retries = vi.spyOn(rudo, 'retry');
    await failing(databaseUrl, true);
    reports.length = 0;
    const id = await rudo.write(phone, { text: 'two' });
    await until(
      'tried a few times',
      () => reports.filter(({ status }) => status === 'connecting' || status === 'failed').length >= 2,
    );
    expect(phone.acknowledged.has(id)).toBe(false);
    expect(phone.refused.has(id)).toBe(false);
    await failing(databaseUrl, false);
    await until('acknowledged', () => phone.acknowledged.has(id));
    expect(await journalled()).toEqual([...before, id]);
    expect(retries).not.toHaveBeenCalled();
  },
);

test('a process that dies between the decryption and the journal loses nothing, not even the first message of a stranger', async () => {
  const { server, linked, journalled, opened } = await setup();
  const { phone, session } = await linked();
  const [rudo, farai] = [server.customer(nextNumber()), server.customer(nextNumber())];
  const first = await rudo.write(phone, { text: 'one' });
  await until('acknowledged', () => phone.acknowledged.has(first));
  const retries = [vi.spyOn(rudo, 'retry'), vi.spyOn(farai, 'retry')];
  // What the process does after it has decrypted, it does no more.
  const { makeSignalRepository } = DEFAULT_CONNECTION_CONFIG;
  onTestFinished(() => void Object.assign(DEFAULT_CONNECTION_CONFIG, { makeSignalRepository }));
  let dying = 0;
  DEFAULT_CONNECTION_CONFIG.makeSignalRepository = (...args) => {
    const repository = makeSignalRepository(...args);
    return {
      ...repository,
      decryptMessage: async (sealed) => {
        await repository.decryptMessage(sealed);
        dying += 1;
        return new Promise<never>(() => undefined);
      },
    };
  };
  phone.close(428);
  await until('again', () => session.sends && phone.online);
  const ids = [await rudo.write(phone, { text: 'two' }), await farai.write(phone, { text: 'three' })];
  await until('decrypted', () => dying > 0);
  await session.close();
  DEFAULT_CONNECTION_CONFIG.makeSignalRepository = makeSignalRepository;
  expect(await journalled()).toEqual([first]);
  await opened();
  await until('acknowledged', () => ids.every((id) => phone.acknowledged.has(id)));
  expect(await journalled()).toEqual([first, ...ids]);
  for (const asked of retries) expect(asked).not.toHaveBeenCalled();
});

test.each(['first', 'later'])(
  'a message whose receipt was lost is taken the next time without a word, and shown once (the %s one of a customer)',
  async (which) => {
    const { server, linked, journal, journalled, opened } = await setup();
    const { phone, session } = await linked();
    const rudo = server.customer(nextNumber());
    const ids: string[] = [];
    if (which === 'later') {
      ids.push(await rudo.write(phone, { text: 'one' }));
      await until('acknowledged', () => phone.acknowledged.has(ids[0]!));
    }
    const retries = vi.spyOn(rudo, 'retry');
    const stanza = vi.spyOn(phone, 'stanza').mockReturnValue();
    ids.push(await rudo.write(phone, { text: 'two' }));
    await until('kept', async () => (await journalled()).length === ids.length);
    await session.close();
    stanza.mockRestore();
    const next = await opened();
    await until('acknowledged', () => phone.acknowledged.has(ids.at(-1)!));
    // What could not be read would be shown now.
    await next.close();
    expect(await journal()).toMatchObject(ids.map((waMessageId) => ({ message: { waMessageId, content: { type: 'text' } } })));
    expect(retries).not.toHaveBeenCalled();
  },
);

test('200 messages while connections break at random: none is missing, and each customer stays in order', async () => {
  const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
  process.stdout.write(`seed ${seed}\n`);
  const random = seeded(seed);
  const { server, linked, journalled } = await setup({ timings: { steady: 0, reconnect: 10 } });
  const { phone, session } = await linked();
  const customers = Array.from({ length: 10 }, () =>
    server.customer(nextNumber(), { addressing: random() < 0.5 ? 'lid' : 'pn' }),
  );
  const written = customers.map((): string[] => []);
  const done = new AbortController();
  const codes = [428, 428, 428, 503, 500, 515] as const;
  const breaking = (async () => {
    while (!done.signal.aborted) {
      await pause(40 + random() * 400);
      phone.close(codes[Math.floor(random() * codes.length)]!);
    }
  })();
  await parallel(10, async (n) => {
    for (let message = 0; message < 20; message += 1) {
      await pause(random() * 200);
      written[n]!.push(await customers[n]!.write(phone, { text: `${n} ${message}` }));
    }
  });
  done.abort();
  await breaking;
  const all = written.flat();
  await until('every message', async () => {
    const there = new Set(await journalled());
    return all.every((id) => there.has(id)) && session.sends;
  });
  const inOrder = [...new Set(await journalled())];
  for (const ids of written) expect(inOrder.filter((id) => ids.includes(id))).toEqual(ids);
  expect(phone.overlaps).toBe(0);
  expect(phone.sockets.length).toBeGreaterThan(3);
}, 60_000);
