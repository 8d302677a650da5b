import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { numberBucket, Person, SendLimits } from './send-limits.js';

/** The most that fall into any `ms`. */
const most = (times: number[], ms: number): number =>
  Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + ms).length));

test('a number never sends more than its rate in any second, however the messages come', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 150 }), (rate, gaps) => {
      const pace = numberBucket(rate);
      let now = 0;
      const times = gaps.flatMap((gap) => {
        now += gap;
        const wait = pace.take(now, 2_000);
        return wait <= 2_000 ? [now + wait] : [];
      });
      expect(most(times, 1_000)).toBeLessThanOrEqual(rate);
    }),
  );
});

test('a number that is asked all the time sends nearly as much as it may', () => {
  const pace = numberBucket(80);
  let sent = 0;
  for (let now = 0; now < 10_000; now += 1) if (pace.take(now, 0) === 0) sent += 1;
  expect(sent).toBeGreaterThan(710);
  expect(sent).toBeLessThanOrEqual(800);
});

describe('one person', () => {
  it('gets 45 at once, then one in 6 s', () => {
    const pace = new Person();
    for (let n = 0; n < 45; n += 1) expect(pace.take(0, 0)).toBe(0);
    expect(pace.take(0, 0)).toBe(6_000);
    expect(pace.take(5_999, 0)).toBe(1);
    expect(pace.take(6_000, 0)).toBe(0);
    expect(pace.take(6_000, 0)).toBe(6_000);
  });

  it('gets a whole burst again after a while, and not more', () => {
    const pace = new Person();
    for (let n = 0; n < 45; n += 1) pace.take(0, 0);
    const later = 45 * 6_000;
    for (let n = 0; n < 45; n += 1) expect(pace.take(later, 0)).toBe(0);
    expect(pace.take(later, 0)).toBeGreaterThan(0);
  });

  it('is left alone for longer with each refusal, and from the beginning after a message that went out', () => {
    const pace = new Person();
    expect(pace.refused(0)).toBe(4_000);
    expect(pace.take(1_000, 0)).toBe(3_000);
    expect(pace.take(4_000, 0)).toBe(0);
    expect(pace.refused(4_000)).toBe(16_000);
    pace.accepted();
    expect(pace.refused(20_000)).toBe(4_000);
  });

  it('is forgotten only when nothing is known of it any more', () => {
    const pace = new Person();
    expect(pace.idle(0)).toBe(true);
    pace.take(0, 0);
    expect(pace.idle(5_999)).toBe(false);
    expect(pace.idle(6_000)).toBe(true);
  });
});

describe('a message', () => {
  it('waits for a place that is near', async () => {
    const limits = new SendLimits(1);
    const started = performance.now();
    await limits.pass('a');
    await limits.pass('b');
    expect(performance.now() - started).toBeGreaterThan(1_000);
  });

  it('gives way when its place is far off, and leaves what it took of the person’s', async () => {
    const limits = new SendLimits(1, () => 0);
    await limits.pass('a');
    const near = limits.pass('b');
    for (let n = 0; n < 100; n += 1)
      await expect(limits.pass('c')).rejects.toMatchObject({
        fate: 'wait',
        code: 'rate_limited',
        afterMs: expect.closeTo(2_222, 0) as number,
      });
    await near;
  });

  it('to somebody who had too many does not hold up others', async () => {
    const limits = new SendLimits(1_000, () => 0);
    for (let n = 0; n < 45; n += 1) await limits.pass('a');
    await expect(limits.pass('a')).rejects.toMatchObject({ fate: 'wait', code: 'pair_rate_limited', afterMs: 6_000 });
    await expect(limits.pass('b')).resolves.toBeUndefined();
  });
});
