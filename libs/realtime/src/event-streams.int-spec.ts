import { newId } from '@soko/common';
import { ApiKeyService, AuthService, CredentialService, type Person, TeamService } from '@soko/identity';
import { seeded, until, withClient } from '@soko/testing';
import { expect, test, vi } from 'vitest';
import { BEGINNING } from './event-history.js';
import { TooManyStreamsError, UnknownPlaceError } from './realtime.errors.js';
import { realtime, type Recorder } from './realtime.fixture.js';

const received = (recorder: Recorder, count: number) => until(`${count} events`, () => recorder.ids.length >= count);

test('from now on, behind an event, or from the beginning: each once and in order, whatever happens meanwhile', async () => {
  const { shop, append, connect, ownerOf } = await realtime();
  const merchantId = await shop();
  const me = await ownerOf(merchantId);
  const old = await append(merchantId, 450);
  const now = await connect(me);
  const behind = await connect(me, { after: old[9] });
  const all = await connect(me, { after: BEGINNING.id });
  const fresh = [...(await append(merchantId, 250)), ...(await append(merchantId, 1))];
  await received(now, 251);
  await received(behind, 440 + 251);
  await received(all, 450 + 251);
  expect(now.ids).toEqual(fresh);
  expect(behind.ids).toEqual([...old.slice(10), ...fresh]);
  expect(all.ids).toEqual([...old, ...fresh]);
});

test('clients that come and go at random while much happens, in two processes, miss nothing and see nothing twice', async () => {
  const seed = Date.now() % 1_000_000;
  console.log(`seed ${seed}`);
  const random = seeded(seed);
  const one = await realtime({ REALTIME_BUFFER_EVENTS: '50' });
  const two = await realtime({ REALTIME_BUFFER_EVENTS: '50' }, one.databaseUrl);
  const merchantId = await one.shop();
  const me = await one.ownerOf(merchantId);
  const first = await one.append(merchantId, 1);
  const written: string[] = [...first];
  const writer = { done: false };
  const writing = (async () => {
    while (written.length < 3_000)
      written.push(...(await one.append(merchantId, 1 + Math.floor(random() * 150), { notify: random() < 0.9 })));
    writer.done = true;
  })();
  const clients = [0, 1, 2].map(async () => {
    const seen = [...first];
    while (!writer.done || seen.length < written.length) {
      const house = random() < 0.5 ? one : two;
      const recorder = await house.connect(me, { after: seen.at(-1)! });
      const wanted = 1 + Math.floor(random() * 400);
      await until(
        'some events',
        () => recorder.ids.length >= wanted || (writer.done && recorder.ids.length + seen.length >= written.length),
        30_000,
      );
      recorder.stream.close();
      seen.push(...recorder.ids);
    }
    return seen;
  });
  const saw = await Promise.all(clients);
  await writing;
  for (const seen of saw) expect(seen).toEqual(written);
});

test('a lost notification costs seconds, not events', async () => {
  const { shop, append, connect, ownerOf } = await realtime();
  const merchantId = await shop();
  const recorder = await connect(await ownerOf(merchantId));
  const ids = await append(merchantId, 3, { notify: false });
  await received(recorder, 3);
  expect(recorder.ids).toEqual(ids);
});

test('what cannot be read now is read later, from where the client is', async () => {
  const { shop, append, connect, ownerOf, history } = await realtime();
  const merchantId = await shop();
  const old = await append(merchantId, 5);
  const broken = vi.spyOn(history, 'read').mockRejectedValue(new Error('away'));
  const recorder = await connect(await ownerOf(merchantId), { after: old[1] });
  const fresh = await append(merchantId, 2);
  await until('some tries', () => broken.mock.calls.length >= 2);
  expect(recorder.ids).toEqual([]);
  broken.mockRestore();
  await received(recorder, 5);
  expect(recorder.ids).toEqual([...old.slice(2), ...fresh]);
});

test('nobody hears of another merchant, and its events are no place for them', async () => {
  const { shop, append, connect, ownerOf } = await realtime();
  const [mine, theirs] = [await shop(), await shop()];
  const [me, them] = [await connect(await ownerOf(mine)), await connect(await ownerOf(theirs))];
  const foreign = await append(theirs, 3);
  const own = await append(mine, 1);
  await received(me, 1);
  await received(them, 3);
  expect([me.ids, them.ids]).toEqual([own, foreign]);
  for (const after of [foreign[0]!, newId(), 'nonsense'])
    await expect(connect(await ownerOf(mine), { after })).rejects.toThrow(UnknownPlaceError);
});

test('only what the scopes show, and of that only what was asked for', async () => {
  const { shop, append, connect, ownerOf } = await realtime();
  const merchantId = await shop();
  const narrow = { ...(await ownerOf(merchantId)), scopes: new Set(['events:read', 'orders:read'] as const) };
  const all = await connect(await ownerOf(merchantId));
  const some = await connect(narrow);
  const asked = await connect(await ownerOf(merchantId), { types: ['message_sent'] });
  for (const type of ['message_sent', 'order_created', 'payment_received', 'order_held']) await append(merchantId, 1, { type });
  await received(all, 4);
  await until('both', () => some.types.length === 2 && asked.types.length === 1);
  expect(some.types).toEqual(['order_created', 'order_held']);
  expect(asked.types).toEqual(['message_sent']);
  await expect(connect(narrow, { types: ['message_sent'] })).rejects.toThrow(/messages:read/);
});

test('a client that takes nothing is cut off once it is left behind; one that takes a little now and then is not', async () => {
  const { shop, append, connect, ownerOf } = await realtime({ REALTIME_BUFFER_EVENTS: '20' });
  const merchantId = await shop();
  const old = await append(merchantId, 60);
  const me = await ownerOf(merchantId);
  const quick = await connect(me);
  const stuck = await connect(me, {}, 2);
  const fresh: string[] = [];
  for (let round = 0; round < 5; round += 1) fresh.push(...(await append(merchantId, 10)));
  await until('the end of the slow one', () => stuck.ended);
  await received(quick, 50);
  expect([stuck.ended, stuck.ids.length, quick.ended]).toEqual(['too_slow', 2, undefined]);
  const catching = await connect(me, { after: old[0] }, 10);
  await received(catching, 10);
  while (catching.ids.length < 109) {
    const before = catching.ids.length;
    catching.take(10);
    await until('more', () => catching.ids.length > before);
  }
  expect([catching.ended, catching.ids]).toEqual([undefined, [...old.slice(1), ...fresh]]);
});

test('memory is bounded by bytes too', async () => {
  const { shop, append, connect, ownerOf } = await realtime({ REALTIME_BUFFER_BYTES: '20000' });
  const merchantId = await shop();
  const stuck = await connect(await ownerOf(merchantId), {}, 1);
  const quick = await connect(await ownerOf(merchantId));
  const ids = await append(merchantId, 10, { data: { text: 'x'.repeat(3_000) } });
  await until('the end of the slow one', () => stuck.ended);
  await received(quick, 10);
  expect(quick.ids).toEqual(ids);
});

test('a merchant has so many streams at once and no more; one that is closed makes room', async () => {
  const { shop, connect, ownerOf } = await realtime({ REALTIME_STREAMS: '2' });
  const [merchantId, other] = [await shop(), await shop()];
  const first = await connect(await ownerOf(merchantId));
  await connect(await ownerOf(merchantId));
  await expect(connect(await ownerOf(merchantId))).rejects.toThrow(TooManyStreamsError);
  await connect(await ownerOf(other));
  first.stream.close();
  await connect(await ownerOf(merchantId));
  await expect(connect(await ownerOf(merchantId), { after: newId() })).rejects.toThrow(TooManyStreamsError);
});

test('a stream ends with its session or key, and when the role changes', async () => {
  const { module, merchant, connect, append } = await realtime();
  const { accessToken, merchant: shop, user } = await merchant();
  const [credentials, auth, keys, team] = [
    module.get(CredentialService),
    module.get(AuthService),
    module.get(ApiKeyService),
    module.get(TeamService),
  ];
  const owner = (await credentials.identify(accessToken)) as Person;
  const staying = await connect(owner);
  const add = async () => {
    const email = `${newId()}@example.com`;
    const { id } = await team.add(shop.id, { email, name: 'A', role: 'agent', password: 'correct-horse' });
    const session = await auth.login({ email, password: 'correct-horse' });
    const caller = (await credentials.identify(session.accessToken)) as Person;
    return { id, caller, stream: await connect(caller) };
  };
  const [leaving, removed, promoted] = [await add(), await add(), await add()];
  const made = await keys.create(owner, { name: 'K', scopes: ['events:read', 'orders:read'] });
  const key = await connect(await credentials.identify(made.key));
  const expiring = await keys.create(owner, {
    name: 'K',
    scopes: ['events:read'],
    expiresAt: new Date(Date.now() + 3_000).toISOString(),
  });
  const expired = await connect(await credentials.identify(expiring.key));
  expect([staying, leaving.stream, removed.stream, promoted.stream, key, expired].map(({ ended }) => ended)).toEqual(
    Array.from({ length: 6 }, () => undefined),
  );
  await auth.logout(leaving.caller);
  await team.remove(shop.id, removed.id);
  await team.update(shop.id, promoted.id, { role: 'owner' });
  await keys.revoke(shop.id, made.id);
  await until(
    'their ends',
    () => [leaving.stream, removed.stream, promoted.stream, key, expired].every(({ ended }) => ended),
    10_000,
  );
  expect([leaving.stream, removed.stream, key, expired].map(({ ended }) => ended)).toEqual(
    Array.from({ length: 4 }, () => 'session_ended'),
  );
  expect(promoted.stream.ended).toBe('access_changed');
  const ids = await append(shop.id, 1);
  await received(staying, 1);
  expect([staying.ids.includes(ids[0]!), staying.ended, user.role]).toEqual([true, undefined, 'owner']);
  // Hashes of passwords take their time.
}, 60_000);

test('when the process stops every client is told to come back, and nobody is let in', async () => {
  const { close, connect, ownerOf, shop, streams } = await realtime();
  const merchantId = await shop();
  const me = await ownerOf(merchantId);
  const recorder = await connect(me);
  await close();
  expect(recorder.ended).toBe('stopping');
  await expect(streams.prepare(me, {})).rejects.toMatchObject({ status: 503 });
});

test('quiet streams show signs of life', async () => {
  const { connect, ownerOf, shop } = await realtime({ REALTIME_HEARTBEAT_S: '1' });
  const recorder = await connect(await ownerOf(await shop()));
  await until('two beats', () => recorder.beats >= 2);
  expect(recorder.ids).toEqual([]);
});

test('a place in months that are gone is no place; a client that was in them goes on with what is left', async () => {
  const { databaseUrl, shop, append, connect, ownerOf } = await realtime({ REALTIME_BUFFER_EVENTS: '10' });
  const merchantId = await shop();
  const old = await append(merchantId, 30);
  const recorder = await connect(await ownerOf(merchantId), { after: old[0] }, 5);
  await received(recorder, 5);
  await withClient(databaseUrl, (client) => client.query('DELETE FROM events'));
  const fresh = await append(merchantId, 2);
  recorder.take();
  await received(recorder, 5 + 2);
  expect(recorder.ids.slice(-2)).toEqual(fresh);
  await expect(connect(await ownerOf(merchantId), { after: old[0] })).rejects.toThrow(UnknownPlaceError);
});
