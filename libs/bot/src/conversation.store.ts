import { Injectable } from '@nestjs/common';
import type { TenantTx } from '@soko/database';
import type { CartLine } from './cart.js';
import { type ConversationState, IDLE, readState, stored } from './conversation-state.js';
import { readStaffState, type StaffState, storedStaff } from './staff-state.js';

/** What is remembered of a conversation. All of it is read and written with the chat locked. */
export interface Remembered {
  state: ConversationState;
  cart: CartLine[];
  /** The merchant's day, `2026-11-29`, on which the customer was last told that the shop is closed. */
  awayOn?: string;
}

/** Where conversations stand, which are forgotten after a day, and carts, which are after a week. */
@Injectable()
export class ConversationStore {
  async recall(tx: TenantTx, chatId: string): Promise<Remembered> {
    const [row] = await tx.query<{ state: unknown; away_on: string | null; lines: CartLine[] | null }>(
      `SELECT CASE WHEN s.updated_at > now() - interval '24 hours' THEN s.state END AS state, s.away_on::text AS away_on,
              CASE WHEN c.expires_at > now() THEN c.lines END AS lines
       FROM (SELECT 1) AS one
       LEFT JOIN conversations s ON s.merchant_id = $1 AND s.chat_id = $2
       LEFT JOIN carts c ON c.merchant_id = $1 AND c.chat_id = $2`,
      [tx.merchantId, chatId],
    );
    return { state: readState(row!.state), cart: row!.lines ?? [], ...(row!.away_on ? { awayOn: row!.away_on } : {}) };
  }

  /** Where the conversation with somebody of the team stands. */
  async recallStaff(tx: TenantTx, chatId: string): Promise<StaffState> {
    const [row] = await tx.query<{ staff: unknown }>(
      `SELECT staff FROM conversations WHERE merchant_id = $1 AND chat_id = $2 AND updated_at > now() - interval '24 hours'`,
      [tx.merchantId, chatId],
    );
    return readStaffState(row?.staff);
  }

  async keepStaff(tx: TenantTx, chatId: string, state: StaffState): Promise<void> {
    await tx.query(
      `INSERT INTO conversations (merchant_id, chat_id, state, staff) VALUES ($1, $2, $3, $4)
       ON CONFLICT (merchant_id, chat_id) DO UPDATE SET staff = excluded.staff, updated_at = now()`,
      [tx.merchantId, chatId, JSON.stringify(stored(IDLE)), JSON.stringify(storedStaff(state))],
    );
  }

  /** @param awayOn the day on which the customer has been told that the shop is closed, where that was now. */
  keepState(tx: TenantTx, chatId: string, state: ConversationState, awayOn?: string): void {
    tx.write(
      `INSERT INTO conversations (merchant_id, chat_id, state, away_on) VALUES ($1, $2, $3, $4)
       ON CONFLICT (merchant_id, chat_id) DO UPDATE
         SET state = excluded.state, updated_at = now(), away_on = coalesce(excluded.away_on, conversations.away_on)`,
      [tx.merchantId, chatId, JSON.stringify(stored(state)), awayOn ?? null],
    );
  }

  /**
   * Lives for a week from now on; an empty one is none.
   * @param remindAfter hours until the customer is reminded, where the merchant wants that. Nobody is reminded of one cart twice.
   */
  async keepCart(tx: TenantTx, chatId: string, lines: CartLine[], remindAfter?: number): Promise<void> {
    if (lines.length === 0) return this.dropCart(tx, chatId);
    await tx.query(
      `INSERT INTO carts (merchant_id, chat_id, lines, due_at, ring_at)
       VALUES ($1, $2, $3, now() + $4 * interval '1 hour', now() + $4 * interval '1 hour')
       ON CONFLICT (merchant_id, chat_id) DO UPDATE
         SET lines = excluded.lines, updated_at = now(), expires_at = excluded.expires_at,
             due_at = CASE WHEN carts.reminded_at IS NULL THEN excluded.due_at END,
             ring_at = CASE WHEN carts.reminded_at IS NULL THEN excluded.ring_at END`,
      [tx.merchantId, chatId, JSON.stringify(lines), remindAfter ?? null],
    );
  }

  /**
   * The cart that its customer is to be reminded of now, with what they speak; from here on nobody is. Nothing when it has been
   * changed, ordered or dropped since, or when the customer may not be written to: a person has the chat, or the 24 hours in which
   * one may write freely are over.
   */
  async takeReminder(tx: TenantTx, chatId: string): Promise<{ lines: CartLine[]; language: string | null } | undefined> {
    const [taken] = await tx.query<{ lines: CartLine[] }>(
      `UPDATE carts SET due_at = NULL, ring_at = NULL, reminded_at = now()
       WHERE merchant_id = $1 AND chat_id = $2 AND due_at <= now() AND expires_at > now() RETURNING lines`,
      [tx.merchantId, chatId],
    );
    const [chat] = await tx.query<{ language: string | null }>(
      `SELECT c.language FROM chats h JOIN contacts c ON c.merchant_id = h.merchant_id AND c.id = h.contact_id
       WHERE h.merchant_id = $1 AND h.id = $2 AND NOT (h.bot_paused AND coalesce(h.bot_paused_until > now(), true))
         AND h.last_inbound_at > now() - interval '24 hours'`,
      [tx.merchantId, chatId],
    );
    return taken && chat ? { lines: taken.lines, ...chat } : undefined;
  }

  async dropCart(tx: TenantTx, chatId: string): Promise<void> {
    await tx.query('DELETE FROM carts WHERE merchant_id = $1 AND chat_id = $2', [tx.merchantId, chatId]);
  }
}
