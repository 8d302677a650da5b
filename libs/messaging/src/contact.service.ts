import { Injectable } from '@nestjs/common';
import { decodeCursor, NotFoundError, type Page, pageOf } from '@soko/common';
import { Tenancy, type TenantTx } from '@soko/database';
import type { ContactAddress } from './contact-address.js';
import type { ContactDetailView, ContactQuery, ContactView, UpdateContactBody } from './contact.dto.js';
import type { ContactRow } from './contact.row.js';
import { ContactStore } from './contact.store.js';

interface ChatSummaryRow {
  id: string;
  channel_id: string;
  unread: number;
  last_message_at: Date;
}

/** A merchant's customers, and what they want and do not want to hear. */
@Injectable()
export class ContactService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly store: ContactStore,
  ) {}

  /** Newest first. */
  async list(merchantId: string, query: ContactQuery): Promise<Page<ContactView>> {
    const after = decodeCursor(query.cursor, 'id')?.[0];
    const rows = await this.tenancy.run(merchantId, (tx) =>
      tx.query<ContactRow>(
        `SELECT * FROM contacts WHERE merchant_id = $1 AND ($2::uuid IS NULL OR id < $2)
           AND ($3::text IS NULL OR position(lower($3) IN lower(coalesce(own_name, name, ''))) > 0 OR position($3 IN phone) > 0)
           AND ($4::text IS NULL OR $4 = ANY (tags))
         ORDER BY id DESC LIMIT $5`,
        [merchantId, after ?? null, query.q ?? null, query.tag ?? null, query.limit + 1],
      ),
    );
    return pageOf(rows, query.limit, view, (row) => [row.id]);
  }

  /** @throws NotFoundError */
  async get(merchantId: string, id: string): Promise<ContactDetailView> {
    return this.tenancy.run(merchantId, (tx) => this.detail(tx, id));
  }

  /** @throws NotFoundError, OptInRefusedError */
  async update(merchantId: string, id: string, body: UpdateContactBody): Promise<ContactDetailView> {
    const { name, tags, blocked, optedIn, optInSource } = body;
    return this.tenancy.run(merchantId, async (tx) => {
      if (name !== undefined || tags !== undefined)
        await tx.query(
          'UPDATE contacts SET own_name = coalesce($3, own_name), tags = coalesce($4, tags) WHERE merchant_id = $1 AND id = $2',
          [merchantId, id, name ?? null, tags ?? null],
        );
      if (blocked !== undefined) await this.store.setBlocked(tx, id, blocked);
      if (optedIn !== undefined) await this.store.setOptedIn(tx, id, optedIn ? optInSource! : null);
      return this.detail(tx, id);
    });
  }

  /** The same, for whoever knows the customer by number. @throws NotFoundError, OptInRefusedError */
  async updateAt(merchantId: string, phone: string, body: UpdateContactBody): Promise<ContactDetailView> {
    const id = await this.tenancy.run(merchantId, (tx) => this.store.find(tx, { phone }));
    if (!id) throw new NotFoundError('contact', phone);
    return this.update(merchantId, id, body);
  }

  /** What the person at this address has told WhatsApp about the merchant's marketing; known or not, it holds from now on. */
  async setMarketingStopped(tx: TenantTx, address: ContactAddress, stopped: boolean): Promise<void> {
    const id = (await this.store.find(tx, address)) ?? (await this.store.settle(tx, address));
    await this.store.setMarketingStopped(tx, id, stopped);
  }

  /**
   * WhatsApp says that the person at `from` has another number from now on: chats and orders stay theirs. Nothing happens when
   * nobody is known at `from`, or somebody at that number already.
   */
  async renumber(tx: TenantTx, from: ContactAddress, to: ContactAddress): Promise<void> {
    await this.store.lockIdentities(tx);
    const id = await this.store.find(tx, from);
    if (!id || !to.phone || (await this.store.find(tx, { phone: to.phone }))) return;
    await tx.query('UPDATE contacts SET phone = $3 WHERE merchant_id = $1 AND id = $2', [tx.merchantId, id, to.phone]);
  }

  private async detail(tx: TenantTx, id: string): Promise<ContactDetailView> {
    const [row] = await tx.query<ContactRow>('SELECT * FROM contacts WHERE merchant_id = $1 AND id = $2', [tx.merchantId, id]);
    if (!row) throw new NotFoundError('contact', id);
    const chats = await tx.query<ChatSummaryRow>(
      'SELECT id, channel_id, unread, last_message_at FROM chats WHERE merchant_id = $1 AND contact_id = $2 ORDER BY id',
      [tx.merchantId, id],
    );
    return { ...view(row), chats: chats.map(chatView) };
  }
}

const view = (row: ContactRow): ContactView => {
  const name = row.own_name ?? row.name;
  return {
    id: row.id,
    ...(row.phone ? { phone: row.phone } : {}),
    ...(name ? { name } : {}),
    ...(row.language ? { language: row.language } : {}),
    tags: row.tags,
    ...(row.opted_in_at ? { optedInAt: row.opted_in_at.toISOString(), optInSource: row.opt_in_source ?? 'START' } : {}),
    optedOut: row.opted_out_at !== null,
    marketingStopped: row.marketing_stopped_at !== null,
    blocked: row.blocked_at !== null,
    createdAt: row.created_at.toISOString(),
  };
};

const chatView = (row: ChatSummaryRow): ContactDetailView['chats'][number] => ({
  id: row.id,
  channelId: row.channel_id,
  unread: row.unread,
  lastMessageAt: row.last_message_at.toISOString(),
});
