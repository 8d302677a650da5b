import { nextAttemptIn } from './retry-schedule.js';
import type { CallResult } from './webhook.client.js';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;
/** Answers that may say when to come back: RFC 9110, section 10.2.3, and RFC 6585 for 429. */
const SLOW_DOWN = [429, 502, 503, 504];

/** What one call came to. */
export interface Outcome {
  delivered: boolean;
  error: string | null;
  errorClass: string | null;
  /** 410: the receiver wants no more calls, ever. */
  gone: boolean;
  /** ms for which the endpoint is to be left alone. */
  pause?: number;
  /** ms until the next attempt; undefined when it was delivered, or that was the last. */
  nextIn?: number;
}

/** @param attempts how many were made, this one included */
export function outcomeOf(result: CallResult, attempts: number, now: number, random?: () => number): Outcome {
  const { status } = result;
  if (status !== undefined && status >= 200 && status < 300)
    return { delivered: true, error: null, errorClass: null, gone: false };
  const pause = status !== undefined && SLOW_DOWN.includes(status) ? retryAfter(result.retryAfter, now) : undefined;
  const wait = nextAttemptIn(attempts, random);
  return {
    delivered: false,
    error: result.error ?? `the receiver answered ${status}`,
    errorClass: result.errorClass ?? (status! >= 300 && status! < 400 ? 'redirect' : 'status'),
    gone: status === 410,
    pause,
    nextIn: wait === undefined ? undefined : Math.max(wait, pause ?? 0),
  };
}

/** ms from a Retry-After of seconds or of a date, an hour at most; undefined where there is none that can be read. */
export function retryAfter(value: string | undefined, now: number): number | undefined {
  if (!value) return undefined;
  const ms = /^\s*\d+\s*$/.test(value) ? Number(value) * SECOND : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), HOUR);
}

/** What is to be done about an endpoint that does nothing but fail. */
export interface Illness {
  /** ms since 1970; undefined: its last call was well. */
  since?: number;
  /** Notes that the owner got about it. */
  warned: number;
}
/** Days of nothing but failures until the first note, the second, and the end. */
const PATIENCE_DAYS = [1, 3, 5];

/**
 * After a failure: whether its owner is to be told, or the subscription is to be switched off. One step at a time: where calls are so rare that a
 * step is late, the later ones keep their distance from it.
 */
export function illnessStep(illness: Illness, now: number): { illness: Illness; step?: 'warn' | 'disable' } {
  const since = illness.since ?? now;
  const days = PATIENCE_DAYS[illness.warned]!;
  if (now - since < days * DAY) return { illness: { since, warned: illness.warned } };
  if (illness.warned === PATIENCE_DAYS.length - 1) return { illness: { since, warned: illness.warned }, step: 'disable' };
  return { illness: { since: now - days * DAY, warned: illness.warned + 1 }, step: 'warn' };
}
