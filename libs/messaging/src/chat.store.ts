import { Injectable } from '@nestjs/common';
import { NotFoundError } from '@soko/common';
import type { Option } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import type { ContactAddress } from './contact-address.js';
import { PAUSED } from './chat-pause.js';
import { addressOfRow, type AddressRow, CONTACT_COLUMNS, type ConsentRow } from './contact.row.js';
import { ContactStore } from './contact.store.js';

/** A chat, locked until the transaction ends. */
export interface LockedChat {
  id: string;
  channelId: string;
  contactId: string;
  address: ContactAddress;
  /** The customer's own name. */
  name: string | null;
  /** A person has it. */
  paused: boolean;
  optedOut: boolean;
  marketingStopped: boolean;
  blocked: boolean;
  /** What was offered last, as far as it still stands. */
  offer: Option[] | null;
}

interface Row extends AddressRow, ConsentRow {
  id: string;
  channel_id: string;
  contact_id: string;
  name: string | null;
  bot_paused: boolean;
  offer: Option[] | null;
}

const LOCK = (which: string): string =>
  `SELECT h.id, h.channel_id, h.contact_id, ${PAUSED} AS bot_paused, h.offer, c.name, ${CONTACT_COLUMNS}
   FROM chats h JOIN contacts c ON c.merchant_id = h.merchant_id AND c.id = h.contact_id
   WHERE h.merchant_id = $1 AND ${which} FOR UPDATE OF h`;
const LOCK_OF_CONTACT = LOCK('h.channel_id = $2 AND h.contact_id = $3');
const LOCK_BY_ID = LOCK('h.id = $2');

/** Finds, opens and locks chats. Ids and numbers of a chat's messages are made under its lock, so their order is that of acceptance. */
@Injectable()
export class ChatStore {
  constructor(private readonly contacts: ContactStore) {}

  /** The chat with this customer on this channel, locked; opened when it is the first time. */
  async open(tx: TenantTx, channelId: string, address: ContactAddress, name?: string): Promise<LockedChat> {
    const known = await this.contacts.find(tx, address);
    const chat = known && (await this.lock(tx, LOCK_OF_CONTACT, channelId, known));
    if (chat) return chat;
    // Something is new: a contact, one of its addresses, or the chat; or two contacts have just become one.
    const contactId = await this.contacts.settle(tx, address, name);
    await tx.query('INSERT INTO chats (merchant_id, channel_id, contact_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [
      tx.merchantId,
      channelId,
      contactId,
    ]);
    return (await this.lock(tx, LOCK_OF_CONTACT, channelId, contactId))!;
  }

  /** @throws NotFoundError */
  async get(tx: TenantTx, id: string): Promise<LockedChat> {
    const chat = await this.lock(tx, LOCK_BY_ID, id);
    if (!chat) throw new NotFoundError('chat', id);
    return chat;
  }

  private async lock(tx: TenantTx, sql: string, ...key: string[]): Promise<LockedChat | undefined> {
    const [row] = await tx.query<Row>(sql, [tx.merchantId, ...key]);
    if (!row) return undefined;
    return {
      id: row.id,
      channelId: row.channel_id,
      contactId: row.contact_id,
      address: addressOfRow(row),
      name: row.name,
      paused: row.bot_paused,
      optedOut: row.opted_out_at !== null,
      marketingStopped: row.marketing_stopped_at !== null,
      blocked: row.blocked_at !== null,
      offer: row.offer,
    };
  }
}
