import type { EventHistory, HistoryEvent, Place } from './event-history.js';
import type { EventStream, RecentPast } from './event-stream.js';

const PAGE = 200;

/** How much of what has just happened is remembered, for those who are a little behind. */
export interface Memory {
  events: number;
  bytes: number;
}

/**
 * Follows one merchant's history for all clients of this process: reads what is new once, remembers the latest of it, and tells its
 * streams. Everybody's place is a place in the table, so any number of processes follow the same history without knowing
 * of each other.
 */
export class Follower implements RecentPast {
  readonly streams = new Set<EventStream>();
  private recent: HistoryEvent[] = [];
  private bytes = 0;
  floor: Place;
  private reading?: Promise<void>;
  private again = false;

  /** @param end the newest place, from where it follows */
  constructor(
    readonly merchantId: string,
    private readonly history: Pick<EventHistory, 'read'>,
    private readonly memory: Memory,
    public end: Place,
    private readonly failed: (error: unknown) => void,
  ) {
    this.floor = end;
  }

  /** Something may be new. */
  hear(): void {
    this.again = true;
    this.reading ??= this.catchUp()
      .catch((error: unknown) => this.failed(error))
      .finally(() => {
        this.reading = undefined;
        // Heard between the last look and here.
        if (this.again && this.streams.size > 0) this.hear();
      });
  }

  remembers(place: Place): boolean {
    return place.position >= this.floor.position;
  }

  after(place: Place): HistoryEvent[] | undefined {
    if (!this.remembers(place)) return undefined;
    let from = this.recent.length;
    while (from > 0 && this.recent[from - 1]!.position > place.position) from -= 1;
    return this.recent.slice(from);
  }

  private async catchUp(): Promise<void> {
    while (this.again && this.streams.size > 0) {
      this.again = false;
      let page: HistoryEvent[];
      do {
        page = await this.history.read(this.merchantId, this.end, PAGE);
        this.take(page);
      } while (page.length === PAGE && this.streams.size > 0);
    }
  }

  private take(page: HistoryEvent[]): void {
    if (page.length === 0) return;
    this.recent.push(...page);
    this.end = page.at(-1)!;
    for (const event of page) this.bytes += event.text.length;
    // Before anything is forgotten.
    for (const stream of this.streams) stream.move();
    this.forget();
    for (const stream of this.streams) stream.checkBehind();
  }

  private forget(): void {
    let gone = 0;
    while (gone < this.recent.length && (this.recent.length - gone > this.memory.events || this.bytes > this.memory.bytes)) {
      this.floor = this.recent[gone]!;
      this.bytes -= this.recent[gone]!.text.length;
      gone += 1;
    }
    if (gone > 0) this.recent.splice(0, gone);
  }
}
