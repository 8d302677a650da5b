// @ts-check

/** What happened when, printed as it happens. */
export class Timeline {
  #startedAt = performance.now();
  #lastAt = this.#startedAt;

  /** @param {string} who @param {string} what */
  note(who, what) {
    const now = performance.now();
    const at = `${Math.round(now - this.#startedAt)} ms`.padStart(9);
    const step = `+${Math.round(now - this.#lastAt)}`.padStart(6);
    this.#lastAt = now;
    console.log(`${at} ${step}  ${who.padEnd(9)} ${what}`);
  }

  /** Milliseconds since the beginning. */
  get elapsed() {
    return Math.round(performance.now() - this.#startedAt);
  }
}
