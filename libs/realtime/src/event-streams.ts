import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Settings } from '@soko/config';
import { Listener, SystemDb } from '@soko/database';
import { type Caller, CallerCheck } from '@soko/identity';
import { Log } from '@soko/observability';
import { HISTORY_CHANNEL } from '@soko/queues';
import { EventHistory, floorOf, type Place } from './event-history.js';
import { visibleTypes } from './event-scopes.js';
import { EventStream } from './event-stream.js';
import { Follower } from './follower.js';
import type { StreamQuery } from './realtime.dto.js';
import { StoppingError, TooManyStreamsError } from './realtime.errors.js';

/** How soon a stream ends whose session has, and how late what happened is seen when its notification was lost. */
const LOOK_MS = 2_000;
const PAGE = 200;

/** All streams of this process, of whatever kind: opens them, tells them of what is new, and ends them when it is time. */
@Injectable()
export class EventStreams implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly followers = new Map<string, Follower>();
  /** Streams by merchant, those that are about to open too. */
  private readonly open = new Map<string, number>();
  private readonly listener: Listener;
  private readonly timers: NodeJS.Timeout[] = [];
  private looking?: Promise<void>;
  private stopping = false;

  constructor(
    private readonly history: EventHistory,
    private readonly system: SystemDb,
    private readonly callers: CallerCheck,
    private readonly settings: Settings,
    private readonly log: Log,
  ) {
    this.listener = new Listener(
      settings,
      HISTORY_CHANNEL,
      (merchants) => this.hear(merchants),
      (error) => log.warn({ err: error }, 'realtime: listening again'),
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.listener.start();
    this.timers.push(
      setInterval(() => this.look(), LOOK_MS),
      setInterval(() => this.all.forEach((stream) => stream.beat()), this.settings.REALTIME_HEARTBEAT_S * 1_000),
    );
  }

  /** Before the server stops to listen: it waits for its connections to end. */
  async onModuleDestroy(): Promise<void> {
    this.stopping = true;
    for (const timer of this.timers) clearInterval(timer);
    this.all.forEach((stream) => stream.end('stopping'));
    await this.listener.stop();
    await this.looking;
  }

  /**
   * A stream of what happens from now on, or behind the event `after`. It sends nothing before its `start`.
   * @throws EventsHiddenError, UnknownPlaceError, TooManyStreamsError, StoppingError
   */
  async prepare(caller: Caller, { after, types }: StreamQuery): Promise<EventStream> {
    const { merchantId } = caller;
    if (this.stopping) throw new StoppingError();
    const wanted = visibleTypes(caller, types);
    this.count(merchantId, 1);
    try {
      const from = after === undefined ? undefined : await this.history.place(merchantId, after);
      const end = this.followers.has(merchantId) ? undefined : await this.history.end(merchantId);
      if (this.stopping) throw new StoppingError();
      // From here on nothing is awaited: the follower must not go, with the last of its other streams, before this one is there.
      const follower = this.followers.get(merchantId) ?? this.follow(merchantId, end!);
      const stream = new EventStream(
        caller,
        follower,
        (place) => this.history.read(merchantId, place, PAGE),
        from ?? follower.end,
        wanted,
        (left) => this.leave(follower, left),
        this.complain,
      );
      follower.streams.add(stream);
      // What has happened since the end was looked for.
      if (end) follower.hear();
      return stream;
    } catch (error) {
      this.count(merchantId, -1);
      throw error;
    }
  }

  private get all(): EventStream[] {
    return [...this.followers.values()].flatMap(({ streams }) => [...streams]);
  }

  private readonly complain = (error: unknown): void => this.log.warn({ err: error }, 'realtime: the history cannot be read');

  private count(merchantId: string, more: 1 | -1): void {
    const { REALTIME_STREAMS: limit } = this.settings;
    const streams = (this.open.get(merchantId) ?? 0) + more;
    if (streams > limit) throw new TooManyStreamsError(limit);
    if (streams === 0) this.open.delete(merchantId);
    else this.open.set(merchantId, streams);
  }

  private follow(merchantId: string, end: Place): Follower {
    const { REALTIME_BUFFER_EVENTS: events, REALTIME_BUFFER_BYTES: bytes } = this.settings;
    const follower = new Follower(merchantId, this.history, { events, bytes }, end, this.complain);
    this.followers.set(merchantId, follower);
    return follower;
  }

  private leave(follower: Follower, stream: EventStream): void {
    follower.streams.delete(stream);
    if (follower.streams.size === 0) this.followers.delete(follower.merchantId);
    this.count(follower.merchantId, -1);
  }

  /** @param merchants ids with commas between; none after a new connection, for something may have been missed */
  private hear(merchants: string): void {
    if (merchants === '') this.look();
    for (const merchantId of merchants.split(',')) this.followers.get(merchantId)?.hear();
  }

  private look(): void {
    this.looking ??= Promise.all([this.missed(), this.endTheRevoked()])
      .then(() => undefined, this.complain)
      .finally(() => (this.looking = undefined));
  }

  /** In one statement for all merchants: whose history has grown without our having heard. */
  private async missed(): Promise<void> {
    const ends = [...this.followers.values()].map(({ merchantId, end }) => ({ merchantId, end }));
    if (ends.length === 0) return;
    const grown = await this.system.query<{ merchantId: string }>(
      `SELECT f.merchant_id AS "merchantId" FROM unnest($1::uuid[], $2::bigint[], $3::uuid[]) AS f (merchant_id, position, floor)
       WHERE EXISTS (SELECT FROM events e WHERE e.merchant_id = f.merchant_id AND e.position > f.position AND e.id >= f.floor)`,
      [
        ends.map(({ merchantId }) => merchantId),
        ends.map(({ end }: { end: Place }) => end.position),
        ends.map(({ end }) => floorOf(end.id)),
      ],
    );
    for (const { merchantId } of grown) this.followers.get(merchantId)?.hear();
  }

  private async endTheRevoked(): Promise<void> {
    const streams = this.all;
    const changes = await this.callers.changed(streams.map(({ caller }) => caller));
    for (const stream of streams) {
      const change = changes.get(stream.caller);
      if (change) stream.end(change === 'gone' ? 'session_ended' : 'access_changed');
    }
  }
}
