import { Injectable } from '@nestjs/common';
import { newId } from '@soko/common';
import {
  botConnected,
  type BotConnectedData,
  type EventEnvelope,
  react,
  recoverWebhook,
  retryDeadLetter,
  runBroadcast,
} from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { DeadLetterRetry, DeadLettersModule } from '@soko/dead-letters';
import { Log } from '@soko/observability';
import { integration, parallel, seeded, until } from '@soko/testing';
import { expect, test } from 'vitest';
import type { RelayedEvent } from './event-sink.js';
import { HandlerRegistry, Handles, Reacts } from './handler.registry.js';
import { ReactionReviver } from './reaction.reviver.js';
import { ReactionProcessor, ReactionSink } from './reactions.js';

const NOTE = 'test.note';

/** Writes each event down as a contact's name, so that what was written can be counted and rolled back. */
@Injectable()
class Notes {
  readonly seen: string[] = [];
  /** Reasons of events that fail, each so many times. */
  readonly failing = new Map<string, number>();

  @Reacts(botConnected, NOTE)
  async note(tx: TenantTx, { id, data }: EventEnvelope<BotConnectedData>): Promise<void> {
    await tx.query('INSERT INTO contacts (merchant_id, phone, name) VALUES ($1, $2, $3)', [tx.merchantId, id, data.reason]);
    this.seen.push(data.reason!);
    const left = this.failing.get(data.reason!) ?? 0;
    if (left > 0) {
      this.failing.set(data.reason!, left - 1);
      throw new Error(`cannot note ${data.reason}`);
    }
  }
}

/** The other jobs of the queue: whoever serves the one must handle all. */
@Injectable()
class Others {
  @Handles(retryDeadLetter)
  async retry(): Promise<void> {}
  @Handles(runBroadcast)
  async broadcast(): Promise<void> {}
  @Handles(recoverWebhook)
  async recover(): Promise<void> {}
}

async function setup(options: Parameters<typeof integration>[0] = {}) {
  const house = await integration({ ...options, providers: [Notes, ReactionSink, ...(options.providers ?? [])] });
  const { tenancy, system, module } = house;
  const merchantId = await house.shop();
  const sink = module.get(ReactionSink);
  const processor = new ReactionProcessor(tenancy, module.get(HandlerRegistry), module.get(Log));
  const rows = <R extends object>(sql: string) => tenancy.run(merchantId, (tx) => tx.query<R>(sql));
  let position = 0;
  /** Emits events about channels and relays them; `reason` tells them apart. */
  const relay = async (...events: { subject: string; reason: string }[]) => {
    await tenancy.run(merchantId, async (tx) => {
      for (const { subject, reason } of events) tx.outbox.emit(botConnected, { channelId: subject, kind: 'simulator', reason });
    });
    const found = await tenancy.run(merchantId, (tx) =>
      tx.query<Omit<RelayedEvent, 'position' | 'merchantId'>>(
        'SELECT id, type, subject, request_id AS "requestId" FROM events ORDER BY id DESC LIMIT $1',
        [events.length],
      ),
    );
    const batch = found.toReversed().map((event) => ({ ...event, merchantId, position: (position += 1) }));
    await system.run((tx) => sink.fanOut(tx, batch));
    return batch;
  };
  return {
    ...house,
    merchantId,
    sink,
    notes: module.get(Notes),
    relay,
    rows,
    react: (subject: string) => processor.run({ merchantId, reaction: NOTE, subject }),
    noted: async () => (await rows<{ name: string }>('SELECT name FROM contacts ORDER BY id')).map(({ name }) => name),
    makeDue: () => rows('UPDATE event_reactions SET due_at = now()'),
  };
}

test('a reaction writes once, however many of its jobs run at once', async () => {
  const { relay, react: run, noted, rows } = await setup();
  const subject = newId();
  await relay({ subject, reason: 'one' });
  await parallel(10, () => run(subject));
  expect(await noted()).toEqual(['one']);
  expect(await rows('SELECT * FROM event_reactions')).toEqual([]);
});

test('reactions to one subject run in the order of its events, whoever runs them', async () => {
  const seed = Date.now() % 1_000_000;
  console.log(`seed ${seed}`);
  const random = seeded(seed);
  const { relay, react: run, rows } = await setup();
  const subjects = Array.from({ length: 4 }, newId);
  const events = Array.from({ length: 60 }, (_, n) => ({
    subject: subjects[Math.floor(random() * 4)]!,
    reason: String(n),
  }));
  const jobs: Promise<void>[] = [];
  for (let n = 0; n < events.length; n += 6) {
    await relay(...events.slice(n, n + 6));
    jobs.push(...subjects.flatMap((subject) => [run(subject), run(subject)]));
  }
  await Promise.all(jobs);
  const noted = await rows<{ subject: string; name: string }>(
    'SELECT e.subject, c.name FROM contacts c JOIN events e ON e.id::text = c.phone ORDER BY c.id',
  );
  expect(noted).toHaveLength(events.length);
  for (const subject of subjects) {
    const reasons = (list: { subject: string }[]) => list.filter((each) => each.subject === subject);
    expect(reasons(noted)).toEqual(reasons(events).map((e) => ({ subject, name: (e as (typeof events)[number]).reason })));
  }
});

test('a reaction that fails is rolled back and holds back its subject, but no other', async () => {
  const { relay, react: run, notes, noted, rows, makeDue } = await setup();
  const [subject, other] = [newId(), newId()];
  notes.failing.set('bad', 1);
  await relay({ subject, reason: 'bad' }, { subject: other, reason: 'other' }, { subject, reason: 'later' });
  await expect(run(subject)).rejects.toThrow('cannot note bad');
  expect(await noted()).toEqual([]);
  await run(subject);
  expect(notes.seen).toEqual(['bad']);
  await run(other);
  expect(await noted()).toEqual(['other']);
  const [row] = await rows<{ wait: number }>(
    `SELECT attempts, error, due_at = ring_at AS same, extract(epoch FROM due_at - now())::float8 AS wait
     FROM event_reactions ORDER BY position`,
  );
  expect(row).toMatchObject({ attempts: 1, error: 'Error: cannot note bad', same: true });
  expect(row!.wait).toBeGreaterThan(0.5);
  expect(row!.wait).toBeLessThanOrEqual(1.2);
  await makeDue();
  await run(subject);
  expect(await noted()).toEqual(['other', 'bad', 'later']);
});

test('a reaction is given up after its twelfth try, stays on record, and the next one of its subject goes on', async () => {
  const { relay, react: run, notes, noted, rows, makeDue } = await setup();
  const subject = newId();
  notes.failing.set('hopeless', Number.POSITIVE_INFINITY);
  await relay({ subject, reason: 'hopeless' }, { subject, reason: 'next' });
  for (let attempt = 1; attempt <= 12; attempt += 1) {
    expect(await rows(`SELECT attempts FROM event_reactions WHERE ring_at IS NOT NULL ORDER BY position LIMIT 1`)).toEqual([
      { attempts: attempt - 1 },
    ]);
    await makeDue();
    await expect(run(subject)).rejects.toThrow('cannot note hopeless');
  }
  await run(subject);
  expect(await noted()).toEqual(['next']);
  expect(await rows('SELECT attempts, error, ring_at FROM event_reactions')).toEqual([
    { attempts: 12, error: 'Error: cannot note hopeless', ring_at: null },
  ]);
});

test('one that was given up is a dead letter; tried once more it fails again, one letter with one try more, or is done', async () => {
  const {
    relay,
    notes,
    react: run,
    noted,
    makeDue,
    module,
    system,
    merchantId,
    rows,
  } = await setup({
    imports: [DeadLettersModule],
    providers: [ReactionReviver],
  });
  const subject = newId();
  notes.failing.set('one', 24);
  const [event] = await relay({ subject, reason: 'one' });
  const giveUp = async () => {
    for (let n = 0; n < 12; n += 1) {
      await makeDue();
      await run(subject).catch(() => undefined);
    }
  };
  const letters = () =>
    system.query<{ id: string; kind: string; reference: string; status: string; attempts: number; reason: string }>(
      'SELECT id, kind, reference, status, attempts, reason FROM dead_letters',
    );
  await giveUp();
  const [letter] = await letters();
  expect(letter).toMatchObject({
    kind: 'reaction',
    reference: `${NOTE}/${event!.id}`,
    status: 'dead',
    attempts: 0,
    reason: 'cannot note one',
  });
  const retry = async () => {
    await system.query(`UPDATE dead_letters SET due_at = now(), ring_at = now() WHERE status = 'dead'`);
    await module.get(DeadLetterRetry).retry({ merchantId, deadLetterId: letter!.id });
  };
  await retry();
  expect(await letters()).toMatchObject([{ status: 'retrying' }]);
  await giveUp();
  expect(await letters()).toMatchObject([{ id: letter!.id, status: 'dead', attempts: 1 }]);
  await retry();
  await run(subject);
  expect(await noted()).toEqual(['one']);
  expect(await rows('SELECT * FROM event_reactions')).toEqual([]);
});

test('an event that is handed on twice is reacted to once', async () => {
  const { relay, react: run, sink, system, noted, rows } = await setup();
  const subject = newId();
  const batch = await relay({ subject, reason: 'one' }, { subject, reason: 'two' });
  await parallel(3, () => system.run((tx) => sink.fanOut(tx, batch)));
  expect(await rows('SELECT position FROM event_reactions ORDER BY position')).toEqual([{ position: 1 }, { position: 2 }]);
  await run(subject);
  expect(await noted()).toEqual(['one', 'two']);
});

test('an event to which nothing reacts leaves no trace, one that is reacted to rings for its subject', async () => {
  const { sink, system, merchantId, rows, relay, alarms } = await setup();
  await system.run((tx) =>
    sink.fanOut(tx, [{ merchantId, id: newId(), type: 'bot_disconnected', subject: newId(), position: 1, requestId: null }]),
  );
  expect(await rows('SELECT * FROM event_reactions')).toEqual([]);
  const subject = newId();
  await relay({ subject, reason: 'one' }, { subject, reason: 'two' });
  expect(await alarms('maintenance', 1)).toEqual([{ merchantId, reaction: NOTE, subject }]);
});

test('another merchant’s job does not run this one’s reaction', async () => {
  const { relay, tenancy, module, shop, noted, react: run } = await setup();
  const subject = newId();
  await relay({ subject, reason: 'one' });
  const processor = new ReactionProcessor(tenancy, module.get(HandlerRegistry), module.get(Log));
  await processor.run({ merchantId: await shop(), reaction: NOTE, subject });
  expect(await noted()).toEqual([]);
  await expect(processor.run({ merchantId: newId(), reaction: 'no.such', subject })).rejects.toThrow(/no handler for reaction/);
  await run(subject);
  expect(await noted()).toEqual(['one']);
});

test('by way of the queue: relayed, rung, done, and a job rung for nothing does no harm', async () => {
  const { relay, noted, tenancy, merchantId, queue } = await setup({
    serves: ['maintenance'],
    providers: [ReactionProcessor, Others],
  });
  const subject = newId();
  await relay({ subject, reason: 'one' }, { subject, reason: 'two' });
  await until('the reactions', async () => (await noted()).length === 2);
  await tenancy.run(merchantId, async (tx) => tx.wake(react, { merchantId, reaction: NOTE, subject }));
  await until('the queue to be empty', async () => {
    const counts = await queue('maintenance').getJobCounts('waiting', 'active', 'delayed', 'failed');
    return Object.values(counts).every((count) => count === 0);
  });
  expect(await noted()).toEqual(['one', 'two']);
});
