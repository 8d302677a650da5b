import { LRUCache } from 'lru-cache';
import type { Arrival } from './baileys-inbound.js';

/** Ids that came readable, so that a second copy of them, which nobody can read twice, is not taken for something new. */
const REMEMBERED = 2_000;

/**
 * Messages that could not be read. Mostly they come once more and can; when one does not, a person shall see that something came:
 * then it is kept without its content, which fills it in if it ever comes.
 */
export class Placeholders {
  private readonly waiting = new Map<string, { arrival: Arrival; timer: NodeJS.Timeout }>();
  private readonly read = new LRUCache<string, true>({ max: REMEMBERED });

  constructor(
    private readonly afterMs: number,
    /** Never throws. */
    private readonly keep: (arrival: Arrival) => Promise<void>,
  ) {}

  unreadable(arrival: Arrival): void {
    const { id, fromMe } = arrival.key;
    if (!id || fromMe || this.waiting.has(id) || this.read.has(id)) return;
    this.waiting.set(id, { arrival, timer: setTimeout(() => void this.take(id), this.afterMs) });
  }

  readable(id: string): void {
    this.read.set(id, true);
    clearTimeout(this.waiting.get(id)?.timer);
    this.waiting.delete(id);
  }

  /** Waits no longer. */
  async flush(): Promise<void> {
    await Promise.all([...this.waiting.keys()].map((id) => this.take(id)));
  }

  private async take(id: string): Promise<void> {
    const { arrival, timer } = this.waiting.get(id)!;
    clearTimeout(timer);
    this.waiting.delete(id);
    await this.keep(arrival);
  }
}
