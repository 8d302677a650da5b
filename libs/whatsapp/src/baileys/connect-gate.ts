import { setTimeout as pause } from 'node:timers/promises';
import { jitter } from '@soko/common';
import { deferred } from './deferred.js';

/** At most so many connections are being made at once, and one begins so long after the other: no storm after a restart. */
const AT_ONCE = 8;
const GAP_MS = 50;

/** Staggers the connections of all sessions of this process. */
export class ConnectGate {
  private open = 0;
  private readonly waiting = new Set<() => void>();
  private begins: Promise<void> = Promise.resolve();

  constructor(
    private readonly atOnce = AT_ONCE,
    private readonly gapMs = GAP_MS,
  ) {}

  /**
   * Waits for its turn, or until nobody wants it any more: who asked must look which of the two it was.
   * @returns what must be called once the connection stands, or has failed
   */
  async enter(signal: AbortSignal): Promise<() => void> {
    const { promise: given, resolve: giveUp } = deferred();
    const abort = (): void => giveUp();
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    try {
      if (this.open < this.atOnce) this.open += 1;
      else if (!(await this.place(given))) return () => undefined;
      const turn = this.begins;
      this.begins = turn.then(() => pause(jitter(this.gapMs, 0.5), undefined, { ref: false }));
      await Promise.race([turn, given]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.leave();
    };
  }

  /** @returns whether a place came. */
  private async place(given: Promise<void>): Promise<boolean> {
    const { promise: came, resolve: come } = deferred();
    this.waiting.add(come);
    await Promise.race([came, given]);
    return !this.waiting.delete(come);
  }

  /** The place goes on to the one who has waited longest, who does not count anew. */
  private leave(): void {
    const [next] = this.waiting;
    if (next) {
      this.waiting.delete(next);
      next();
    } else this.open -= 1;
  }
}
