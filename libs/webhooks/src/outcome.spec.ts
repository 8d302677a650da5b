import { describe, expect, it } from 'vitest';
import { type Illness, illnessStep, outcomeOf, retryAfter } from './outcome.js';

const NOW = Date.parse('2026-11-29T16:00:00Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const middle = () => 0.5;
const answered = (status: number, more = {}) => ({ status, body: '', durationMs: 1, ...more });

describe('what a call came to', () => {
  it.each([200, 201, 204, 299])('%d is delivered', (status) => {
    expect(outcomeOf(answered(status), 1, NOW)).toEqual({ delivered: true, error: null, errorClass: null, gone: false });
  });

  it.each([
    [100, 'status'],
    [301, 'redirect'],
    [307, 'redirect'],
    [400, 'status'],
    [404, 'status'],
    [410, 'status'],
    [500, 'status'],
  ])('%d has failed, and is tried again', (status, errorClass) => {
    expect(outcomeOf(answered(status), 1, NOW, middle)).toEqual({
      delivered: false,
      error: `the receiver answered ${status}`,
      errorClass,
      gone: status === 410,
      pause: undefined,
      nextIn: 5_000,
    });
  });

  it('tells why there was no answer', () => {
    const result = { error: 'connection refused', errorClass: 'connection', durationMs: 1 } as const;
    expect(outcomeOf(result, 3, NOW, middle)).toMatchObject({
      error: 'connection refused',
      errorClass: 'connection',
      nextIn: 300_000,
    });
  });

  it('is final with the eighth attempt', () => {
    expect(outcomeOf(answered(500), 7, NOW, middle).nextIn).toBe(12 * HOUR);
    expect(outcomeOf(answered(500), 8, NOW).nextIn).toBeUndefined();
  });

  it.each([429, 502, 503, 504])('%d with Retry-After pauses the endpoint, and no try comes sooner', (status) => {
    expect(outcomeOf(answered(status, { retryAfter: '60' }), 1, NOW, middle)).toMatchObject({ pause: 60_000, nextIn: 60_000 });
    expect(outcomeOf(answered(status, { retryAfter: '1' }), 3, NOW, middle)).toMatchObject({ pause: 1_000, nextIn: 300_000 });
  });

  it.each([200, 301, 400, 410, 500])('Retry-After of a %d means nothing', (status) => {
    expect(outcomeOf(answered(status, { retryAfter: '60' }), 1, NOW).pause).toBeUndefined();
  });
});

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['120', 120_000],
    [' 7 ', 7_000],
    ['3600', HOUR],
    ['3601', HOUR],
    ['99999999999999999999', HOUR],
    ['Sun, 29 Nov 2026 16:01:00 GMT', 60_000],
    ['Sun, 29 Nov 2026 15:59:00 GMT', 0],
    ['Mon, 30 Nov 2026 16:00:00 GMT', HOUR],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%j is %j ms', (value, ms) => {
    expect(retryAfter(value, NOW)).toBe(ms);
  });
});

/** Steps of failures at these days, counted from the first. */
const steps = (days: number[]): (string | undefined)[] => {
  let illness: Illness = { warned: 0 };
  return days.map((day) => {
    const next = illnessStep(illness, NOW + day * DAY);
    illness = next.illness;
    return next.step;
  });
};

describe('an endpoint that does nothing but fail', () => {
  it('is told of after one day and three, and switched off after five', () => {
    expect(steps([0, 0.9, 1, 1.1, 2.9, 3, 4.9, 5])).toEqual([
      undefined,
      undefined,
      'warn',
      undefined,
      undefined,
      'warn',
      undefined,
      'disable',
    ]);
  });

  it('is never switched off without two notes before, each in its time, however rare its calls are', () => {
    expect(steps([0, 10, 10.1, 11.9, 12, 13.9, 14])).toEqual([
      undefined,
      'warn',
      undefined,
      undefined,
      'warn',
      undefined,
      'disable',
    ]);
  });
});
