import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { newId, NotFoundError, type Page, pageOf, type PageQuery, decodeCursor } from '@soko/common';
import { Settings } from '@soko/config';
import { botConnected, botDisconnected } from '@soko/contracts';
import { Tenancy, type TenantTx } from '@soko/database';
import type { ChannelStatusView, ChannelView, CreateChannelBody } from './channel.dto.js';
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
  held: boolean;
  last_connected_at: Date | null;
  created_at: Date;
}

/** `held` tells whether a living gateway holds the channel's shard: a channel that nobody holds is not connected. */
const SELECT = `
  SELECT c.*, coalesce(s.expires_at > now(), false) AS held
  FROM channels c LEFT JOIN gateway_shards s ON s.shard = c.shard WHERE c.merchant_id = $1`;

@Injectable()
export class ChannelService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly settings: Settings,
  ) {}

  /** The merchant's first channel becomes its default. A simulator needs no linking and so connects by itself. */
  async create(merchantId: string, body: CreateChannelBody): Promise<ChannelView> {
    if (body.kind === 'simulator' && !this.settings.simulator) throw new SimulatorOffError();
    const id = newId();
    return this.tenancy.run(merchantId, async (tx) => {
      await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`first channel of ${merchantId}`]);
      const isDefault = !(await tx.manager.existsBy(Channel, { merchantId }));
      await tx.manager.insert(Channel, {
        merchantId,
        id,
        name: body.name,
        kind: body.kind,
        phone: body.phone ?? null,
        isDefault,
        shard: shardOf(id, this.settings.GATEWAY_SHARDS),
        desired: 'connected',
      });
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

  /** Notes the wish; the gateway that holds the channel's shard hears of it at once. */
  async want(merchantId: string, id: string, desired: 'connected' | 'disconnected'): Promise<void> {
    await this.tenancy.run(merchantId, async (tx) => {
      const found = await tx.manager.update(Channel, { merchantId, id }, { desired });
      if (found.affected === 0) throw new NotFoundError('channel', id);
    });
  }

  /** The channel to use: the one named, else the merchant's default. @throws NotFoundError, NoChannelError */
  async resolve(tx: TenantTx, id?: string): Promise<{ id: string; shard: number; kind: ChannelKind }> {
    const [channel] = await tx.query<{ id: string; shard: number; kind: ChannelKind }>(
      'SELECT id, shard, kind FROM channels WHERE merchant_id = $1 AND (id = $2 OR ($2::uuid IS NULL AND is_default))',
      [tx.merchantId, id ?? null],
    );
    if (channel) return channel;
    throw id ? new NotFoundError('channel', id) : new NoChannelError();
  }

  /** The gateway's report. A report with an older fence is refused. @returns whether it was taken. */
  async report(merchantId: string, id: string, fence: number, status: ChannelStatus, reason?: string): Promise<boolean> {
    return this.tenancy.run(merchantId, async (tx) => {
      const [row] = await tx.query<{ kind: ChannelKind; phone: string | null; before: ChannelStatus }>(
        `WITH old AS (SELECT id, status FROM channels WHERE merchant_id = $1 AND id = $2 FOR UPDATE)
         UPDATE channels c SET status = $4, reason = $5, fence = $3,
                last_connected_at = CASE WHEN $4 = 'connected' THEN now() ELSE last_connected_at END
         FROM old WHERE c.merchant_id = $1 AND c.id = old.id AND c.fence <= $3
         RETURNING c.kind, c.phone, old.status AS before`,
        [merchantId, id, fence, status, reason ?? null],
      );
      if (!row) return false;
      const data = { channelId: id, kind: row.kind, ...(row.phone ? { phone: row.phone } : {}), ...(reason ? { reason } : {}) };
      if (status === 'connected' && row.before !== 'connected') tx.outbox.emit(botConnected, data);
      if (status !== 'connected' && row.before === 'connected') tx.outbox.emit(botDisconnected, data);
      return true;
    });
  }

  private async row(tx: TenantTx, id: string): Promise<ChannelRow> {
    const [row] = await tx.query<ChannelRow>(`${SELECT} AND c.id = $2`, [tx.merchantId, id]);
    if (!row) throw new NotFoundError('channel', id);
    return row;
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
    createdAt: row.created_at.toISOString(),
  };
}
