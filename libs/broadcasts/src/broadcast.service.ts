import { Injectable } from '@nestjs/common';
import { decodeCursor, NotFoundError, type Page, pageOf } from '@soko/common';
import { runBroadcast } from '@soko/contracts';
import { Tenancy, type TenantTx } from '@soko/database';
import { BroadcastLife } from './broadcast.life.js';
import { BroadcastPreviewService } from './broadcast-preview.service.js';
import { type BroadcastRow, broadcastView, recipientView } from './broadcast.row.js';
import { broadcastTransition, type MANUAL_BROADCAST_ACTIONS } from './broadcast-state.js';
import { BroadcastStore } from './broadcast.store.js';
import type {
  BroadcastDetailView,
  BroadcastQuery,
  BroadcastView,
  CreateBroadcastBody,
  RecipientQuery,
  RecipientView,
} from './broadcasts.dto.js';

/** One message to many, as merchants make and steer it. */
@Injectable()
export class BroadcastService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly store: BroadcastStore,
    private readonly life: BroadcastLife,
    private readonly previews: BroadcastPreviewService,
  ) {}

  /** A draft; with `sendAt` it starts by itself then. @throws as `BroadcastPreviewService.audience` */
  create(at: string | TenantTx, body: CreateBroadcastBody): Promise<BroadcastDetailView> {
    return this.tenancy.within(at, async (tx) => {
      const { audience } = await this.previews.audience(tx, body);
      const row = await this.store.insert(tx, {
        ...audience,
        name: body.name,
        status: body.sendAt ? broadcastTransition('draft', 'schedule')! : 'draft',
        template_name: body.templateName,
        variables: body.variables ?? {},
        due_at: body.sendAt ? new Date(body.sendAt) : null,
      });
      if (row.due_at && row.due_at <= new Date()) tx.wake(runBroadcast, { merchantId: tx.merchantId, broadcastId: row.id });
      return this.detail(tx, row);
    });
  }

  /** Newest first. */
  async list(at: string | TenantTx, { status, limit, cursor }: BroadcastQuery): Promise<Page<BroadcastView>> {
    const before = decodeCursor(cursor, 'id')?.[0];
    const rows = await this.tenancy.within(at, (tx) => this.store.list(tx, { status, before, limit: limit + 1 }));
    return pageOf(rows, limit, broadcastView, (row) => [row.id]);
  }

  /** @throws NotFoundError */
  get(at: string | TenantTx, id: string): Promise<BroadcastDetailView> {
    return this.tenancy.within(at, async (tx) => this.detail(tx, await this.store.find(tx, id)));
  }

  /** In the order in which they are written to; nobody before it has started. @throws NotFoundError */
  async recipients(merchantId: string, id: string, { status, limit, cursor }: RecipientQuery): Promise<Page<RecipientView>> {
    const after = Number(decodeCursor(cursor, 'number')?.[0] ?? 0);
    const rows = await this.tenancy.run(merchantId, async (tx) => {
      await this.store.find(tx, id);
      return this.store.recipients(tx, id, { result: status, after, limit: limit + 1 });
    });
    return pageOf(rows, limit, recipientView, (row) => [String(row.position)]);
  }

  /** @throws NotFoundError, BroadcastTransitionError */
  take(at: string | TenantTx, id: string, action: (typeof MANUAL_BROADCAST_ACTIONS)[number]): Promise<BroadcastDetailView> {
    return this.tenancy.within(at, async (tx) => {
      const row = await this.store.lock(tx, id);
      if (!row) throw new NotFoundError('broadcast', id);
      await this.life.take(tx, row, action);
      return this.detail(tx, await this.store.find(tx, id));
    });
  }

  private async detail(tx: TenantTx, row: BroadcastRow): Promise<BroadcastDetailView> {
    const counts = await this.store.counts(tx, row.id);
    const recipients = row.started_at
      ? Object.values(counts).reduce((sum: number, each: number) => sum + each, 0)
      : (await this.store.audience(tx, row)).recipients;
    return { ...broadcastView(row), recipients, counts };
  }
}
