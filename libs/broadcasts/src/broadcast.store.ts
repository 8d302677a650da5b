import { Injectable } from '@nestjs/common';
import { newId, NotFoundError } from '@soko/common';
import type { TenantTx } from '@soko/database';
import type { MessageErrorView } from '@soko/messaging';
import type { BroadcastRow, Counts, NextRow, PersonRow, RecipientRow } from './broadcast.row.js';
import { type BroadcastStatus } from './broadcast-state.js';
import { RECIPIENT_RESULTS, type RecipientResult } from './broadcasts.dto.js';
import type { PacedChannel } from './pace.js';
import { type Obstacle, obstacle, SEGMENT, segmentValues } from './segment.sql.js';

export type NewBroadcast = Pick<
  BroadcastRow,
  'name' | 'status' | 'channel_id' | 'template_name' | 'variables' | 'category' | 'segment' | 'due_at'
>;
/** What decides who gets a broadcast. */
export type Audience = Pick<BroadcastRow, 'segment' | 'channel_id' | 'category'>;

const IN_SEGMENT = obstacle('$7', '$8');
const audienceValues = (tx: TenantTx, { segment, channel_id, category }: Audience): unknown[] => [
  ...segmentValues(tx.merchantId, segment),
  channel_id,
  category,
];

/**
 * Where a recipient `r` is, given the message `m`, which itself says what became of it. One that has been archived had left long before.
 */
const RESULT = `
  CASE WHEN r.status <> 'queued' THEN r.status WHEN m.status = 'sending' THEN 'queued' WHEN m.status = 'cancelled' THEN 'skipped'
       ELSE coalesce(m.status, 'sent') END`;
const WITH_MESSAGE = `
  broadcast_recipients r LEFT JOIN messages m ON m.merchant_id = r.merchant_id AND m.id = r.message_id`;
const UNSENT = `
  pending_sends p JOIN broadcast_recipients r ON r.merchant_id = p.merchant_id AND r.message_id = p.message_id
  WHERE p.merchant_id = $1`;

/** Broadcasts and their recipients as rows. */
@Injectable()
export class BroadcastStore {
  async insert(tx: TenantTx, broadcast: NewBroadcast): Promise<BroadcastRow> {
    const [row] = await tx.query<BroadcastRow>(
      `INSERT INTO broadcasts (merchant_id, id, name, status, channel_id, template_name, variables, category, segment, due_at, ring_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::timestamptz, $10::timestamptz) RETURNING *`,
      [
        tx.merchantId,
        newId(),
        broadcast.name,
        broadcast.status,
        broadcast.channel_id,
        broadcast.template_name,
        JSON.stringify(broadcast.variables),
        broadcast.category,
        JSON.stringify(broadcast.segment),
        broadcast.due_at,
      ],
    );
    return row!;
  }

  /** The broadcast, locked until the transaction ends: nobody queues anything of it meanwhile. */
  async lock(tx: TenantTx, id: string): Promise<BroadcastRow | undefined> {
    const [row] = await tx.query<BroadcastRow>('SELECT * FROM broadcasts WHERE merchant_id = $1 AND id = $2 FOR UPDATE', [
      tx.merchantId,
      id,
    ]);
    return row;
  }

  /** @throws NotFoundError */
  async find(tx: TenantTx, id: string): Promise<BroadcastRow> {
    const [row] = await tx.query<BroadcastRow>('SELECT * FROM broadcasts WHERE merchant_id = $1 AND id = $2', [
      tx.merchantId,
      id,
    ]);
    if (!row) throw new NotFoundError('broadcast', id);
    return row;
  }

  /** Newest first. */
  list(tx: TenantTx, filter: { status?: BroadcastStatus; before?: string; limit: number }): Promise<BroadcastRow[]> {
    return tx.query(
      `SELECT * FROM broadcasts WHERE merchant_id = $1 AND ($2::text IS NULL OR status = $2) AND ($3::uuid IS NULL OR id < $3)
       ORDER BY id DESC LIMIT $4`,
      [tx.merchantId, filter.status ?? null, filter.before ?? null, filter.limit],
    );
  }

  /** Writes down how the broadcast stands now. Only one that runs is looked at by itself. */
  async move(tx: TenantTx, id: string, status: BroadcastStatus, reason: string | null): Promise<BroadcastRow> {
    const [row] = await tx.query<BroadcastRow>(
      `UPDATE broadcasts SET status = $3::text, reason = $4,
              ring_at = CASE WHEN $3::text = 'running' THEN now() + interval '10 seconds' END,
              started_at = CASE WHEN $3::text = 'running' THEN coalesce(started_at, now()) ELSE started_at END,
              finished_at = CASE WHEN $3::text IN ('done', 'cancelled') THEN now() END
       WHERE merchant_id = $1 AND id = $2 RETURNING *`,
      [tx.merchantId, id, status, reason],
    );
    return row!;
  }

  async ringIn(tx: TenantTx, id: string, ms: number): Promise<void> {
    await tx.query(`UPDATE broadcasts SET ring_at = now() + $3 * interval '1 millisecond' WHERE merchant_id = $1 AND id = $2`, [
      tx.merchantId,
      id,
      ms,
    ]);
  }

  /** How many of the segment would get it, and how many would not, and why not. */
  async audience(tx: TenantTx, audience: Audience): Promise<{ recipients: number; excluded: Partial<Record<Obstacle, number>> }> {
    const rows = await tx.query<{ obstacle: Obstacle | null; count: number }>(
      `SELECT obstacle, count(*)::int AS count FROM (SELECT ${IN_SEGMENT} AS obstacle ${SEGMENT}) AS people GROUP BY obstacle`,
      audienceValues(tx, audience),
    );
    const recipients = rows.find((row) => row.obstacle === null)?.count ?? 0;
    return { recipients, excluded: Object.fromEntries(rows.flatMap((row) => (row.obstacle ? [[row.obstacle, row.count]] : []))) };
  }

  /** What customers have been noted down as, by how many are. */
  async tags(tx: TenantTx, count: number): Promise<string[]> {
    const rows = await tx.query<{ tag: string }>(
      `SELECT tag FROM contacts c, unnest(c.tags) AS tag WHERE c.merchant_id = $1 GROUP BY tag ORDER BY count(*) DESC, tag LIMIT $2`,
      [tx.merchantId, count],
    );
    return rows.map(({ tag }) => tag);
  }

  firstOf(tx: TenantTx, audience: Audience, count: number): Promise<PersonRow[]> {
    return tx.query(
      `SELECT c.id AS contact_id, c.phone, coalesce(c.own_name, c.name) AS name, c.language ${SEGMENT} AND ${IN_SEGMENT} IS NULL
       ORDER BY c.id LIMIT $9`,
      [...audienceValues(tx, audience), count],
    );
  }

  /**
   * Writes down whom the broadcast goes to. Chats that there are come first: of new ones WhatsApp Web begins few a day, and nobody
   * shall wait behind them. @returns how many.
   */
  async fixRecipients(tx: TenantTx, row: BroadcastRow): Promise<number> {
    const [fixed] = await tx.query<{ count: number }>(
      `WITH people AS (
         SELECT c.id, EXISTS (SELECT FROM chats h WHERE h.merchant_id = $1 AND h.channel_id = $7 AND h.contact_id = c.id
                                AND coalesce(h.begun_by, h.last_message_id) IS NOT NULL) AS met
         ${SEGMENT} AND ${IN_SEGMENT} IS NULL
       ), fixed AS (
         INSERT INTO broadcast_recipients (merchant_id, broadcast_id, contact_id, position)
         SELECT $1::uuid, $9::uuid, id, row_number() OVER (ORDER BY met DESC, id) FROM people RETURNING 1
       )
       SELECT count(*)::int AS count FROM fixed`,
      [...audienceValues(tx, row), row.id],
    );
    return fixed!.count;
  }

  /** Who is next, with the chat that there is with them. */
  async next(tx: TenantTx, row: BroadcastRow): Promise<NextRow | undefined> {
    const [next] = await tx.query<NextRow>(
      `SELECT r.contact_id, c.phone, coalesce(c.own_name, c.name) AS name, c.language,
              (SELECT h.id FROM chats h WHERE h.merchant_id = $1 AND h.channel_id = $3 AND h.contact_id = c.id) AS chat_id
       FROM broadcast_recipients r JOIN contacts c ON c.merchant_id = r.merchant_id AND c.id = r.contact_id
       WHERE r.merchant_id = $1 AND r.broadcast_id = $2 AND r.status = 'waiting' ORDER BY r.position LIMIT 1`,
      [tx.merchantId, row.id, row.channel_id],
    );
    return next;
  }

  /** What stands between the contact and a message of this category now. */
  async obstacle(tx: TenantTx, contactId: string, channelId: string, category: string): Promise<Obstacle | undefined> {
    const [row] = await tx.query<{ obstacle: Obstacle | null }>(
      `SELECT ${obstacle('$3', '$4')} AS obstacle FROM contacts c WHERE c.merchant_id = $1 AND c.id = $2`,
      [tx.merchantId, contactId, channelId, category],
    );
    return row?.obstacle ?? undefined;
  }

  /** @returns false when the recipient waits no more, or has become one with another contact. */
  async markQueued(tx: TenantTx, id: string, contactId: string, messageId: string): Promise<boolean> {
    const marked = await tx.query(
      `UPDATE broadcast_recipients SET status = 'queued', message_id = $4
       WHERE merchant_id = $1 AND broadcast_id = $2 AND contact_id = $3 AND status = 'waiting' RETURNING 1 AS one`,
      [tx.merchantId, id, contactId, messageId],
    );
    return marked.length > 0;
  }

  /** Somebody who waits, or all that do, get nothing. */
  async skip(tx: TenantTx, id: string, why: MessageErrorView, contactId?: string): Promise<void> {
    await tx.query(
      `UPDATE broadcast_recipients SET status = 'skipped', why = $3
       WHERE merchant_id = $1 AND broadcast_id = $2 AND status = 'waiting' AND ($4::uuid IS NULL OR contact_id = $4)`,
      [tx.merchantId, id, JSON.stringify(why), contactId ?? null],
    );
  }

  /** How many messages of all broadcasts wait to leave by the channel. */
  async unsentBy(tx: TenantTx, channelId: string): Promise<number> {
    const [row] = await tx.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${UNSENT} AND p.channel_id = $2`, [
      tx.merchantId,
      channelId,
    ]);
    return row!.count;
  }

  /** The messages of this broadcast that wait to leave. */
  async unsentOf(tx: TenantTx, id: string): Promise<string[]> {
    const rows = await tx.query<{ message_id: string }>(`SELECT p.message_id FROM ${UNSENT} AND r.broadcast_id = $2`, [
      tx.merchantId,
      id,
    ]);
    return rows.map(({ message_id }) => message_id);
  }

  async counts(tx: TenantTx, id: string): Promise<Counts> {
    const rows = await tx.query<{ result: RecipientResult; count: number }>(
      `SELECT ${RESULT} AS result, count(*)::int AS count FROM ${WITH_MESSAGE} WHERE r.merchant_id = $1 AND r.broadcast_id = $2 GROUP BY 1`,
      [tx.merchantId, id],
    );
    const counted = new Map(rows.map(({ result, count }) => [result, count]));
    return Object.fromEntries(RECIPIENT_RESULTS.map((result) => [result, counted.get(result) ?? 0])) as unknown as Counts;
  }

  /** In the order in which they are written to. */
  recipients(
    tx: TenantTx,
    id: string,
    filter: { result?: RecipientResult; after?: number; limit: number },
  ): Promise<RecipientRow[]> {
    return tx.query(
      `SELECT r.position, r.contact_id, c.phone, coalesce(c.own_name, c.name) AS name, c.language, r.message_id, ${RESULT} AS result,
              coalesce(r.why, m.error, CASE WHEN m.status = 'cancelled' THEN $6::jsonb END) AS why
       FROM ${WITH_MESSAGE} JOIN contacts c ON c.merchant_id = r.merchant_id AND c.id = r.contact_id
       WHERE r.merchant_id = $1 AND r.broadcast_id = $2 AND ($3::text IS NULL OR ${RESULT} = $3) AND r.position > $4
       ORDER BY r.position LIMIT $5`,
      [tx.merchantId, id, filter.result ?? null, filter.after ?? 0, filter.limit, JSON.stringify(CANCELLED)],
    );
  }

  async channel(tx: TenantTx, id: string): Promise<PacedChannel> {
    const [row] = await tx.query<PacedChannel>('SELECT kind, config, status FROM channels WHERE merchant_id = $1 AND id = $2', [
      tx.merchantId,
      id,
    ]);
    return row!;
  }
}

/** Why the rest of a broadcast that was cancelled gets nothing. */
export const CANCELLED: MessageErrorView = { code: 'cancelled', message: 'The broadcast was cancelled before.' };
