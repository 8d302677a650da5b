import { Module } from '@nestjs/common';
import { newId } from '@soko/common';
import { ROLE_SCOPES, type Caller } from '@soko/identity';
import { HISTORY_CHANNEL } from '@soko/queues';
import { integration, withClient } from '@soko/testing';
import { EventHistory, type HistoryEvent } from './event-history.js';
import type { EventStream, Outlet } from './event-stream.js';
import { EventStreams } from './event-streams.js';
import type { Ending } from './realtime.errors.js';

/** Without the gateway, which needs a server to listen on. */
@Module({ providers: [EventHistory, EventStreams], exports: [EventHistory, EventStreams] })
class CoreModule {}

/** A client that keeps what it is sent. */
export class Recorder implements Outlet {
  readonly ids: string[] = [];
  readonly types: string[] = [];
  beats = 0;
  ended?: Ending;
  /** Takes so many more events, and then no more until `take`. */
  room = Infinity;
  stream!: EventStream;

  send(event: HistoryEvent): boolean {
    this.ids.push(event.id);
    this.types.push(event.envelope.type);
    return (this.room -= 1) > 0;
  }
  beat(): void {
    this.beats += 1;
  }
  end(ending: Ending): void {
    this.ended = ending;
  }
  take(room = Infinity): void {
    this.room = room;
    this.stream.resume();
  }
}

export async function realtime(env: Record<string, string> = {}, databaseUrl?: string) {
  const house = await integration({ imports: [CoreModule], env, databaseUrl });
  const streams = house.module.get(EventStreams);
  return {
    ...house,
    streams,
    history: house.module.get(EventHistory),
    /** Somebody who has signed in. */
    ownerOf: async (merchantId: string): Promise<Caller> => {
      const [id, sessionId] = [newId(), newId()];
      await house.tenancy.run(merchantId, async (tx) => {
        tx.write(
          `INSERT INTO users (merchant_id, id, email, name, role) VALUES ($1, $2::uuid, $2::text || '@example.com', 'O', 'owner')`,
          [merchantId, id],
        );
        tx.write(`INSERT INTO sessions (merchant_id, id, user_id, expires_at) VALUES ($1, $2, $3, now() + interval '1 hour')`, [
          merchantId,
          sessionId,
          id,
        ]);
      });
      return { merchantId, id, kind: 'user', role: 'owner', sessionId, scopes: ROLE_SCOPES.owner, plan: 'standard' };
    },
    /** As the relay does: events get their places with the commit that tells of them. @returns their ids in order */
    append: (merchantId: string, count: number, { type = 'order_created', data = {}, notify = true } = {}): Promise<string[]> =>
      withClient(house.databaseUrl, async (client) => {
        await client.query('BEGIN');
        await client.query('SELECT pg_advisory_xact_lock(7305002)');
        const { rows } = await client.query<{ id: string }>(
          `INSERT INTO events (merchant_id, type, subject, data, position)
           SELECT $1, $2, 's', $3, nextval('event_position') FROM generate_series(1, $4::int) RETURNING id`,
          [merchantId, type, JSON.stringify(data), count],
        );
        if (notify) await client.query('SELECT pg_notify($1, $2)', [HISTORY_CHANNEL, merchantId]);
        await client.query('COMMIT');
        return rows.map(({ id }) => id);
      }),
    connect: async (caller: Caller, wish: { after?: string; types?: string[] } = {}, room = Infinity): Promise<Recorder> => {
      const recorder = new Recorder();
      recorder.room = room;
      recorder.stream = await streams.prepare(caller, wish);
      recorder.stream.start(recorder);
      return recorder;
    },
  };
}
