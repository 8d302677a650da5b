const SECOND = 1_000;
const FEW = 4;
const MANY = 32;
/** Answers that take so long get the most calls at once. */
const BUSY_MS = 100;
/** An endpoint that takes longer is ill, and is not helped by more. */
const ILL_MS = 2_000;
const ILL_CALLS = 8;

/**
 * How many calls an endpoint gets at once, by how long its answers take: where they come at once a few keep it busy, where each takes its time
 * it is the number that brings the rate.
 */
export function callsAtOnce(answerMs: number): number {
  if (answerMs > ILL_MS) return ILL_CALLS;
  return Math.max(FEW, Math.min(MANY, Math.ceil((answerMs * MANY) / BUSY_MS)));
}

/** How long answers take lately: each new one counts for an eighth. */
export const smoothed = (average: number, ms: number): number => average + (ms - average) / 8;

/**
 * At most `perSecond` calls within any second: it remembers when the last ones began. So it never lets more through, however they bunch.
 * Whoever takes over does not know when that was, and takes it that all were made at `lastCallAt`.
 */
export class RateLimiter {
  private readonly begun: number[];
  private oldest = 0;

  /** Times in ms of any one clock. @param lastCallAt of whoever had the subscription before; -Infinity: nobody, or long ago */
  constructor(
    readonly perSecond: number,
    lastCallAt: number,
  ) {
    this.begun = Array.from({ length: perSecond }, () => lastCallAt);
  }

  /** How many ms are left until a call may begin; 0: now. */
  wait(now: number): number {
    return Math.max(0, this.begun[this.oldest]! + SECOND - now);
  }

  begin(now: number): void {
    this.begun[this.oldest] = now;
    this.oldest = (this.oldest + 1) % this.perSecond;
  }
}
