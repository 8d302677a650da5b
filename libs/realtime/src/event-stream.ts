import type { Caller } from '@soko/identity';
import type { HistoryEvent, Place } from './event-history.js';
import type { Ending } from './realtime.errors.js';

/** A connection to a client, whatever it speaks. */
export interface Outlet {
  /** Takes an event. @returns false when that was enough for now: it calls the stream's `resume` when there is room again. */
  send(event: HistoryEvent): boolean;
  /** Shows that the connection is alive. */
  beat(): void;
  /** Tells the client why, and closes. */
  end(ending: Ending): void;
}

/** The latest of a history, as the follower remembers it. */
export interface RecentPast {
  /** Before the first that is remembered. */
  readonly floor: Place;
  remembers(place: Place): boolean;
  /** What is behind `place`, as far as it was read; undefined where the table must be asked. */
  after(place: Place): HistoryEvent[] | undefined;
}

/** Reads further back than that. */
export type ReadBack = (after: Place) => Promise<HistoryEvent[]>;

/** A client that takes nothing for so long while something waits for it is not there any more. */
const STALL_MS = 30_000;
/** The same for one that what happens has left behind: there is more for it than is remembered. */
const BEHIND_MS = 5_000;
const RETRY_MS = 1_000;

/**
 * One client's way through its merchant's history. Where it is is one place, which only goes forward; what comes next is always what
 * the history has behind that place. So each event is sent once and in order, from wherever it is read: from the table while
 * the client catches up, from what the follower has just read once it has. Nothing is queued here for a client that is slow: it stands
 * still at its place until it takes more, and is cut off when it takes nothing.
 */
export class EventStream {
  private outlet?: Outlet;
  private blocked = false;
  private behind = false;
  private lookingBack = false;
  private timer?: NodeJS.Timeout;
  private over?: Ending | 'left';

  constructor(
    readonly caller: Caller,
    private readonly recent: RecentPast,
    private readonly readBack: ReadBack,
    private place: Place,
    private readonly types: ReadonlySet<string>,
    private readonly left: (stream: EventStream) => void,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Begins to send. */
  start(outlet: Outlet): void {
    if (this.over && this.over !== 'left') outlet.end(this.over);
    this.outlet = outlet;
    this.move();
  }

  /** Sends what there is. */
  move(): void {
    while (this.outlet && !this.over && !this.blocked && !this.lookingBack) {
      const remembered = this.recent.after(this.place);
      if (!remembered) this.lookBack();
      else if (remembered.length > 0) this.send(remembered);
      else return;
    }
  }

  /** The outlet has room again. */
  resume(): void {
    if (!this.blocked) return;
    this.blocked = false;
    this.behind = false;
    clearTimeout(this.timer);
    this.move();
  }

  /** The follower has forgotten something: whoever stands still before it has less time. */
  checkBehind(): void {
    if (!this.blocked || this.behind || this.recent.remembers(this.place)) return;
    this.behind = true;
    this.giveUpAfter(BEHIND_MS);
  }

  beat(): void {
    if (!this.blocked && !this.over) this.outlet?.beat();
  }

  /** From our side. */
  end(ending: Ending): void {
    if (this.over) return;
    this.finish(ending);
    this.outlet?.end(ending);
  }

  /** The client is gone. */
  close(): void {
    if (!this.over) this.finish('left');
  }

  private finish(how: Ending | 'left'): void {
    this.over = how;
    clearTimeout(this.timer);
    this.left(this);
  }

  private lookBack(): void {
    this.lookingBack = true;
    this.readBack(this.place).then(
      (events) => {
        this.lookingBack = false;
        // Months that are gone leave nothing to be read behind a place in them.
        if (events.length === 0) this.place = this.recent.floor;
        this.send(events);
        this.move();
      },
      (error: unknown) => {
        this.failed(error);
        this.timer = setTimeout(() => {
          this.lookingBack = false;
          this.move();
        }, RETRY_MS).unref();
      },
    );
  }

  private send(events: HistoryEvent[]): void {
    for (const event of events) {
      if (this.over || this.blocked) return;
      this.place = event;
      if (this.types.has(event.envelope.type) && !this.outlet!.send(event)) this.block();
    }
  }

  private block(): void {
    this.blocked = true;
    this.giveUpAfter(STALL_MS);
  }

  private giveUpAfter(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.end('too_slow'), ms).unref();
  }
}
