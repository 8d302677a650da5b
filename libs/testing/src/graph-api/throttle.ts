/** At most `rate` in any second: the times of the last `rate` passes in a ring. */
export class PerSecond {
  readonly #passes: Float64Array;
  #at = 0;

  constructor(readonly rate: number) {
    this.#passes = new Float64Array(Math.max(1, rate)).fill(Number.NEGATIVE_INFINITY);
  }

  /** Whether one more may pass; if so it counts. */
  pass(now: number): boolean {
    if (this.rate < 1 || now - this.#passes[this.#at]! < 1000) return false;
    this.#passes[this.#at] = now;
    this.#at = (this.#at + 1) % this.#passes.length;
    return true;
  }
}

export interface PairRate {
  burst: number;
  everyMs: number;
}

/** To one person 1 message in 6 s, with bursts of 45: https://developers.facebook.com/docs/whatsapp/cloud-api/overview */
export const META_PAIR_RATE: PairRate = { burst: 45, everyMs: 6_000 };

/** A bucket that holds `burst` and gains one each `everyMs`, as the time at which it will be full again. */
export class Pair {
  #fullAt = Number.NEGATIVE_INFINITY;

  pass(now: number, { burst, everyMs }: PairRate): boolean {
    const fullAt = Math.max(this.#fullAt, now) + everyMs;
    if (fullAt - now > burst * everyMs) return false;
    this.#fullAt = fullAt;
    return true;
  }
}
