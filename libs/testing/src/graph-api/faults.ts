import type { Failure } from './graph-error.js';

/** What a request does; faults are of one kind of request, sends unless told otherwise. */
export type Operation = 'message' | 'mark' | 'media' | 'templates' | 'info';

export interface FailOptions extends Failure {
  /** Where the error is told. `webhook`: the send is accepted and a `failed` status follows; `both`: refused, and that too. */
  by?: 'answer' | 'webhook' | 'both';
  on?: Operation;
}

export type Fault =
  | { kind: 'fail'; failure: FailOptions }
  /** Done as asked, but the answer comes after `ms`, or never. */
  | { kind: 'hang'; ms?: number }
  | { kind: 'drop'; when: DropTime };

/** The connection breaks before or after the request was done; or `during` it, with half of the file that goes up or down. */
export type DropTime = 'before' | 'during' | 'after';

interface Planned {
  fault: Fault;
  on: Operation;
  left: number;
}

interface Chance {
  rate: number;
  faults: Fault[];
  on: Operation;
}

/** Faults to come: the planned ones in their order, then those of chance. One request meets one of them at most. */
export class Faults {
  #planned: Planned[] = [];
  #chances: Chance[] = [];

  readonly #draw: () => number;

  constructor(draw: () => number) {
    this.#draw = draw;
  }

  /** The next `n` requests fail. */
  failNext(n: number, failure: FailOptions): void {
    this.#plan(n, { kind: 'fail', failure }, failure.on);
  }

  /** Each request fails with probability `rate`, with one of `codes`. */
  failRandomly(rate: number, codes: (number | FailOptions)[]): void {
    const failures = codes.map((code) => (typeof code === 'number' ? { code } : code));
    for (const on of new Set(failures.map((failure) => failure.on ?? 'message'))) {
      const faults = failures.filter((failure) => (failure.on ?? 'message') === on);
      this.#chances.push({ rate, on, faults: faults.map((failure) => ({ kind: 'fail', failure })) });
    }
  }

  /** The next `n` requests are done and answered after `ms`, or never: the caller cannot know. */
  hangNext(n: number, ms?: number, on?: Operation): void {
    this.#plan(n, { kind: 'hang', ms }, on);
  }

  hangRandomly(rate: number, ms?: number, on: Operation = 'message'): void {
    this.#chances.push({ rate, on, faults: [{ kind: 'hang', ms }] });
  }

  dropNext(n: number, when: DropTime, on?: Operation): void {
    this.#plan(n, { kind: 'drop', when }, on);
  }

  dropRandomly(rate: number, when: DropTime, on: Operation = 'message'): void {
    this.#chances.push({ rate, on, faults: [{ kind: 'drop', when }] });
  }

  clearFaults(): void {
    this.#planned = [];
    this.#chances = [];
  }

  /** The fault that this request meets; the server asks. */
  takeFault(on: Operation): Fault | undefined {
    const next = this.#planned.find((planned) => planned.on === on);
    if (next) {
      next.left -= 1;
      if (next.left <= 0) this.#planned = this.#planned.filter((planned) => planned !== next);
      return next.fault;
    }
    // Every chance is drawn each time, so that one more does not change what the others give for the same seed.
    let met: Fault | undefined;
    for (const { rate, faults, on: operation } of this.#chances) {
      if (operation !== on) continue;
      const [hit, which] = [this.#draw(), this.#draw()];
      if (hit < rate) met ??= faults[Math.floor(which * faults.length)];
    }
    return met;
  }

  #plan(n: number, fault: Fault, on: Operation = 'message'): void {
    if (n > 0) this.#planned.push({ fault, on, left: n });
  }
}
