import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { newId, NotFoundError, type Page, pageOf, type PageQuery, decodeCursor } from '@soko/common';
import { Settings } from '@soko/config';
import { Sealer, Tenancy, type TenantTx } from '@soko/database';
import { type CloudSecrets, splitConfig } from './channel.config.js';
import type { ChannelStatusView, ChannelView, CreateChannelBody, UpdateChannelBody } from './channel.dto.js';
import { Channel, type ChannelKind, type ChannelStatus } from './channel.entity.js';
import { NoChannelError, SimulatorOffError } from './messaging.errors.js';

interface ChannelRow {
  id: string;
  name: string;
  kind: ChannelKind;
  phone: string | null;
  is_default: boolean;
  shard: number;
  status: ChannelStatus;
  reason: string | null;
  config: Record<string, unknown>;
  secrets: string | null;
  held: boolean;
  restricted_until: Date | null;
  last_connected_at: Date | null;
  created_at: Date;
}

/** `held` tells whether a living gateway holds the channel's shard: a channel that nobody holds is not connected. */
const SELECT = `
  SELECT c.*, coalesce(s.expires_at > now(), false) AS held, t.restricted_until
  FROM channels c JOIN channel_states t ON t.merchant_id = c.merchant_id AND t.channel_id = c.id
  LEFT JOIN gateway_shards s ON s.shard = c.shard WHERE c.merchant_id = $1 AND c.deleted_at IS NULL`;
const SECRETS = 'channels.secrets';

@Injectable()
export class ChannelService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly sealer: Sealer,
    private readonly settings: Settings,
  ) {}

  /** The merchant's first channel becomes its default. What needs no linking connects by itself. */
  async create(merchantId: string, body: CreateChannelBody): Promise<ChannelView> {
    if (body.kind === 'simulator' && !this.settings.simulator) throw new SimulatorOffError();
    const { open, secret } = splitConfig(body.kind, body.config);
    const id = newId();
    return this.tenancy.run(merchantId, async (tx) => {
      await this.lockDefault(tx);
      const [other] = await tx.query('SELECT 1 FROM channels WHERE merchant_id = $1 AND is_default', [merchantId]);
      await tx.manager.insert(Channel, {
        merchantId,
        id,
        name: body.name,
        kind: body.kind,
        phone: body.phone ?? null,
        isDefault: !other,
        shard: shardOf(id, this.settings.GATEWAY_SHARDS),
        desired: body.kind === 'baileys' ? 'disconnected' : 'connected',
        config: open,
        secrets: this.seal(merchantId, secret),
      });
      await tx.query('INSERT INTO channel_states (merchant_id, channel_id, stopped_wish) VALUES ($1, $2, $3)', [
        merchantId,
        id,
        body.kind === 'baileys' ? 1 : 0, // Nothing to do before the first command.
      ]);
      return view(await this.row(tx, id));
    });
  }

  async list(merchantId: string, query: PageQuery): Promise<Page<ChannelView>> {
    const after = decodeCursor(query.cursor, 'id');
    const rows = await this.tenancy.run(merchantId, (tx) =>
      tx.query<ChannelRow>(`${SELECT} AND ($2::uuid IS NULL OR c.id > $2) ORDER BY c.id LIMIT $3`, [
        merchantId,
        after?.[0] ?? null,
        query.limit + 1,
      ]),
    );
    return pageOf(rows, query.limit, view, (row) => [row.id]);
  }

  async get(merchantId: string, id: string): Promise<ChannelView> {
    return this.tenancy.run(merchantId, async (tx) => view(await this.row(tx, id)));
  }

  /** A changed config is taken up by the running session at once. */
  async update(merchantId: string, id: string, body: UpdateChannelBody): Promise<ChannelView> {
    return this.tenancy.run(merchantId, async (tx) => {
      const row = await this.row(tx, id);
      const had = { open: row.config, secret: this.unseal(merchantId, row.secrets) };
      const { open, secret } = splitConfig(row.kind, body.config, had);
      if (body.isDefault) {
        await this.lockDefault(tx);
        await tx.query('UPDATE channels SET is_default = false WHERE merchant_id = $1 AND is_default AND id <> $2', [
          merchantId,
          id,
        ]);
      }
      await tx.query(
        `UPDATE channels SET name = coalesce($3, name), phone = coalesce($4, phone), is_default = is_default OR $5, config = $6,
                secrets = $7, wish = wish + CASE WHEN $8 THEN 1 ELSE 0 END
         WHERE merchant_id = $1 AND id = $2`,
        [
          merchantId,
          id,
          body.name ?? null,
          body.phone ?? null,
          body.isDefault ?? false,
          JSON.stringify(open),
          body.config ? this.seal(merchantId, secret) : row.secrets,
          body.config !== undefined,
        ],
      );
      return view(await this.row(tx, id));
    });
  }

  /**
   * Removes the channel: it is logged out, its secrets go, and what waits to be sent by it fails. Chats and messages stay. If it was
   * the default, the oldest of the others becomes it.
   */
  async remove(merchantId: string, id: string): Promise<void> {
    await this.tenancy.run(merchantId, async (tx) => {
      await this.row(tx, id);
      await this.lockDefault(tx);
      await tx.query(
        `UPDATE channels SET deleted_at = now(), desired = 'logged_out', wish = wish + 1, is_default = false, secrets = NULL
         WHERE merchant_id = $1 AND id = $2`,
        [merchantId, id],
      );
      await tx.query(
        `UPDATE channels SET is_default = true WHERE merchant_id = $1 AND id = (
           SELECT id FROM channels WHERE merchant_id = $1 AND deleted_at IS NULL ORDER BY id LIMIT 1)
         AND NOT EXISTS (SELECT 1 FROM channels WHERE merchant_id = $1 AND is_default)`,
        [merchantId],
      );
      await tx.query(
        `WITH gone AS (DELETE FROM pending_sends WHERE merchant_id = $1 AND channel_id = $2 RETURNING message_id)
         UPDATE messages m SET status = 'failed', error = '{"code":"channel_deleted","message":"The channel was deleted."}',
           timeline = m.timeline || jsonb_build_object('status', 'failed', 'at', to_jsonb(clock_timestamp()))
         FROM gone WHERE m.merchant_id = $1 AND m.id = gone.message_id AND m.status IN ('queued', 'sending')`,
        [merchantId, id],
      );
    });
  }

  /** The state of one channel, the default one when `id` is missing. */
  async status(merchantId: string, id?: string): Promise<ChannelStatusView> {
    return this.tenancy.run(merchantId, async (tx) => {
      const row = await this.row(tx, id ?? (await this.resolve(tx)).id);
      return {
        channelId: row.id,
        kind: row.kind,
        status: statusOf(row),
        ...(row.phone ? { phone: row.phone } : {}),
        ...(row.last_connected_at ? { lastConnectedAt: row.last_connected_at.toISOString() } : {}),
        ...(row.reason ? { reason: row.reason } : {}),
      };
    });
  }

  /**
   * Notes the wish; the gateway that holds the channel's shard hears of it at once. To connect what is connected, or about to be,
   * changes nothing: a link that is under way goes on.
   */
  async want(merchantId: string, id: string, desired: Channel['desired']): Promise<void> {
    await this.tenancy.run(merchantId, async (tx) => {
      const [found] = await tx.query(
        `UPDATE channels c SET desired = $3, wish = wish + CASE
           WHEN $3 = 'connected' AND desired = 'connected' AND status IN ('connecting', 'awaiting_scan', 'connected') THEN 0 ELSE 1 END
         WHERE merchant_id = $1 AND id = $2 AND deleted_at IS NULL RETURNING id`,
        [merchantId, id, desired],
      );
      if (!found) throw new NotFoundError('channel', id);
    });
  }

  /** The channel to use: the one named, else the merchant's default. @throws NotFoundError, NoChannelError */
  async resolve(tx: TenantTx, id?: string): Promise<{ id: string; shard: number; kind: ChannelKind }> {
    const [channel] = await tx.query<{ id: string; shard: number; kind: ChannelKind }>(
      `SELECT id, shard, kind FROM channels
       WHERE merchant_id = $1 AND (id = $2 OR ($2::uuid IS NULL AND is_default)) AND deleted_at IS NULL`,
      [tx.merchantId, id ?? null],
    );
    if (channel) return channel;
    throw id ? new NotFoundError('channel', id) : new NoChannelError();
  }

  /** Whether there is one for what names none. */
  async hasDefault(tx: TenantTx): Promise<boolean> {
    const found = await tx.query('SELECT 1 FROM channels WHERE merchant_id = $1 AND is_default AND deleted_at IS NULL', [
      tx.merchantId,
    ]);
    return found.length > 0;
  }

  /** Secrets of a cloud channel. @throws NotFoundError */
  async secrets(merchantId: string, id: string): Promise<CloudSecrets> {
    const row = await this.tenancy.run(merchantId, (tx) => this.row(tx, id));
    if (row.kind !== 'cloud') throw new NotFoundError('channel', id);
    return this.unseal(merchantId, row.secrets) as unknown as CloudSecrets;
  }

  private async row(tx: TenantTx, id: string): Promise<ChannelRow> {
    const [row] = await tx.query<ChannelRow>(`${SELECT} AND c.id = $2`, [tx.merchantId, id]);
    if (!row) throw new NotFoundError('channel', id);
    return row;
  }

  /** Whoever changes which channel is the default does it alone. */
  private async lockDefault(tx: TenantTx): Promise<void> {
    await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`default channel of ${tx.merchantId}`]);
  }

  private seal(merchantId: string, secret: Record<string, unknown>): string | null {
    return Object.keys(secret).length > 0 ? this.sealer.seal(JSON.stringify(secret), merchantId, SECRETS) : null;
  }

  private unseal(merchantId: string, sealed: string | null): Record<string, unknown> {
    return sealed ? (JSON.parse(this.sealer.open(sealed, merchantId, SECRETS)) as Record<string, unknown>) : {};
  }
}

/** Spreads channels evenly over a fixed number of shards. */
const shardOf = (id: string, shards: number): number => createHash('sha256').update(id).digest().readUInt32BE(0) % shards;

const statusOf = (row: ChannelRow): ChannelStatus => (row.status === 'connected' && !row.held ? 'connecting' : row.status);

function view(row: ChannelRow): ChannelView {
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    ...(row.phone ? { phone: row.phone } : {}),
    isDefault: row.is_default,
    status: statusOf(row),
    ...(row.reason ? { reason: row.reason } : {}),
    config: row.config,
    ...(row.restricted_until && row.restricted_until > new Date() ? { restrictedUntil: row.restricted_until.toISOString() } : {}),
    createdAt: row.created_at.toISOString(),
  };
}
