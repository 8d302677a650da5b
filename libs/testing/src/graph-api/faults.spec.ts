import { describe, expect, it } from 'vitest';
import { seeded } from '../random.js';
import { until } from '../until.js';
import { Faults } from './faults.js';
import { setup } from './spec-setup.js';

const ours = { text: { body: 'Hi' }, biz_opaque_callback_data: 'our-1' };

const draw = (seed: number) => {
  const faults = new Faults(seeded(seed));
  faults.failRandomly(0.2, [131000, 131056]);
  faults.dropRandomly(0.1, 'after');
  faults.hangRandomly(0.1);
  return Array.from({ length: 2_000 }, () => {
    const fault = faults.takeFault('message');
    return fault?.kind === 'fail' ? fault.failure.code : fault?.kind;
  });
};

describe('faults to come', () => {
  it('are planned ones first, in their order, each as often as told, and only of their kind of request', () => {
    const faults = new Faults(seeded(1));
    faults.failNext(2, { code: 131056 });
    faults.hangNext(1, 50);
    faults.dropNext(1, 'after', 'media');
    const take = (times: number) => Array.from({ length: times }, () => faults.takeFault('message')?.kind);
    expect(take(4)).toEqual(['fail', 'fail', 'hang', undefined]);
    expect(faults.takeFault('media')).toEqual({ kind: 'drop', when: 'after' });
    faults.failNext(1, { code: 1 });
    faults.clearFaults();
    expect(take(1)).toEqual([undefined]);
  });

  it('of chance come as often as told, and again for the same seed', () => {
    const found = draw(5);
    const share = (what: unknown) => found.filter((one) => one === what).length / found.length;
    expect(share(131000)).toBeCloseTo(0.1, 1);
    expect(share(131056)).toBeCloseTo(0.1, 1);
    expect(share('drop')).toBeCloseTo(0.08, 1);
    expect(share('hang')).toBeCloseTo(0.07, 1);
    expect(draw(5)).toEqual(found);
    expect(draw(6)).not.toEqual(found);
  });
});

describe('a send that fails', () => {
  it('is answered with the error, and reaches nobody', async () => {
    const { number, send } = await setup();
    number.failNext(1, { code: 130429, status: 429, message: 'Slow down', retryAfter: 3 });
    const refused = await send();
    expect(refused).toMatchObject({ status: 429, body: { error: { code: 130429, message: 'Slow down' } } });
    expect(refused.headers.get('retry-after')).toBe('3');
    expect(number.customer('+263771234567').received).toEqual([]);
    expect((await send()).status).toBe(200);
  });

  it.each([
    [131000, 500],
    [133004, 503],
    [190, 401],
    [131031, 403],
    [131026, 400],
  ])('with %i has status %i', async (code, status) => {
    const { number, send } = await setup();
    number.failNext(1, { code });
    expect((await send()).status).toBe(status);
  });

  it('can be one of one customer', async () => {
    const { number, send } = await setup();
    number.customer('+263771234567').failNext(1, { code: 131026 });
    expect((await send(ours, '+263770000000')).status).toBe(200);
    expect((await send()).body.error?.code).toBe(131026);
  });

  it('can be told by webhook alone', async () => {
    const { number, send, statuses } = await setup();
    number.failNext(1, { code: 131026, by: 'webhook' });
    const answer = await send(ours);
    const [status] = await until('the status', () => statuses().length > 0 && statuses());
    expect(answer.status).toBe(200);
    expect(status).toMatchObject({ id: answer.body.messages![0]!.id, status: 'failed', errors: [{ code: 131026 }] });
    expect([number.customer('+263771234567').received, number.undelivered]).toEqual([[], 0]);
  });

  it('can be told by both', async () => {
    const { number, send, statuses } = await setup();
    number.failNext(1, { code: 131049, by: 'both' });
    expect((await send(ours)).body.error?.code).toBe(131049);
    const [status] = await until('the status', () => statuses().length > 0 && statuses());
    expect(status).toMatchObject({ status: 'failed', errors: [{ code: 131049 }], biz_opaque_callback_data: 'our-1' });
  });

  it('fails at random, again for the same seed', async () => {
    const { graph, number, send } = await setup();
    number.failRandomly(0.5, [131000, 131016]);
    const codes = async () => {
      graph.seed = 11;
      const found: (number | undefined)[] = [];
      for (let n = 0; n < 20; n += 1) found.push((await send()).body.error?.code);
      return found;
    };
    const first = await codes();
    expect(new Set(first)).toEqual(new Set([undefined, 131000, 131016]));
    expect(await codes()).toEqual(first);
  });

  it('leaves other kinds of requests alone, which can fail by themselves', async () => {
    const { number, call, post } = await setup();
    const message_id = await number.customer('+263771234567').write({ text: 'Hi' });
    number.failNext(1, { code: 131000 });
    number.failNext(1, { code: 190, on: 'info' });
    expect((await post({ status: 'read', message_id })).status).toBe(200);
    expect((await call('GET', `/${number.phoneNumberId}`)).status).toBe(401);
  });
});

const sendFor = (ms: number, url: string, token: string) =>
  fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ messaging_product: 'whatsapp', to: '263771234567', type: 'text', ...ours }),
    signal: AbortSignal.timeout(ms),
  });

describe('a send without an answer', () => {
  it('that hangs was delivered, and its statuses say so', async () => {
    const { graph, number, statuses } = await setup();
    number.hangNext(1);
    const path = `${graph.url}/v26.0/${number.phoneNumberId}/messages`;
    await expect(sendFor(100, path, number.accessToken)).rejects.toThrow(/timeout/i);
    const told = await until('the statuses', () => statuses().length === 2 && statuses());
    expect(number.customer('+263771234567').received).toMatchObject([{ text: 'Hi', callbackData: 'our-1' }]);
    expect(told).toMatchObject([{ status: 'sent', biz_opaque_callback_data: 'our-1' }, { status: 'delivered' }]);
    expect(number.requests.unanswered).toBe(1);
  });

  it('that hangs for a time is answered after it', async () => {
    const { number, send } = await setup();
    number.hangNext(1, 60);
    const start = performance.now();
    expect((await send()).status).toBe(200);
    expect(performance.now() - start).toBeGreaterThan(55);
  });

  it('whose connection broke was delivered, or not', async () => {
    const { number, send } = await setup();
    const customer = number.customer('+263771234567');
    number.dropNext(1, 'before');
    number.dropNext(1, 'after');
    await expect(send()).rejects.toThrow(/fetch failed/);
    expect(customer.received).toHaveLength(0);
    await expect(send()).rejects.toThrow(/fetch failed/);
    expect(customer.received).toHaveLength(1);
    expect((await send()).status).toBe(200);
  });
});

describe('the server as a whole', () => {
  it('can be down, with an answer that is no JSON', async () => {
    const { graph, send } = await setup();
    graph.down = true;
    const answer = await fetch(`${graph.url}/v26.0/1`);
    expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining('<html>')]);
    graph.down = false;
    expect((await send()).status).toBe(200);
  });

  it('can refuse connections and come back on its port', async () => {
    const { graph, send } = await setup();
    const { url } = graph;
    await graph.refuse();
    await expect(send()).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    await graph.listen();
    expect(graph.url).toBe(url);
    expect((await send()).status).toBe(200);
  });

  it('can be slow', async () => {
    const { graph, send } = await setup();
    graph.latencyMs = [30, 60];
    const start = performance.now();
    expect((await send()).status).toBe(200);
    expect(performance.now() - start).toBeGreaterThan(25);
  });

  it('is deaf for other machines', async () => {
    const { graph } = await setup();
    expect(new URL(graph.url).hostname).toBe('127.0.0.1');
  });
});
