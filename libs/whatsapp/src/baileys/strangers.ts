import { setTimeout as pause } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { type TransportChannel, TransportError, type TransportMessage } from '../transport.js';
import type { ChannelRows } from './baileys-deps.js';
import type { BaileysSocket } from './baileys-socket.js';
import { NewChats, paceOf } from './pacing.js';

/** A new chat waits so long in place for its turn; longer, and it is put off so that other chats go on. */
const PATIENCE_MS = 2_000;
/** WhatsApp does not always tell how long a restriction lasts. */
const RESTRICTED_MS = 6 * 3_600_000;
const REMEMBERED = 5_000;
/** Who is not on WhatsApp today may be tomorrow. */
const ABSENT_MS = 24 * 3_600_000;

/** Chats with people who have never written: begun slowly, not while WhatsApp forbids it, and only with those who are on WhatsApp. */
export class Strangers {
  private restrictedUntil = 0;
  private newChats?: Promise<NewChats>;
  private readonly reachable = new LRUCache<string, boolean>({ max: REMEMBERED });
  /** Chats that have a place: a second try of the first message takes no second one. */
  private readonly placed = new LRUCache<string, true>({ max: REMEMBERED });

  constructor(
    private readonly channel: TransportChannel,
    private readonly rows: ChannelRows,
    /** Tells the merchant. */
    private readonly tell: (restrictedUntil: Date) => Promise<void>,
  ) {}

  async load(): Promise<void> {
    this.restrictedUntil = (await this.rows.restrictedUntil(this.channel))?.getTime() ?? 0;
  }

  /** Resolves when the chat may be begun. @throws TransportError when it may not, or not now */
  async begin(socket: BaileysSocket, { chatId, to: { phone } }: TransportMessage): Promise<void> {
    const now = Date.now();
    if (this.restrictedUntil > now)
      throw new TransportError(
        'new_chats_paused',
        'WhatsApp lets this number begin no new chats for now.',
        'wait',
        Math.min(this.restrictedUntil - now, 3_600_000),
      );
    if (phone && !(await this.isReachable(socket, phone)))
      throw new TransportError('recipient_unreachable', 'This number is not on WhatsApp.', 'failed');
    if (this.placed.has(chatId)) return;
    const { taken, waitMs } = (await this.begun()).take(paceOf(this.channel.config, this.channel.createdAt), PATIENCE_MS);
    if (!taken)
      throw new TransportError(
        'new_chats_paced',
        'Chats with new people are begun slowly, so that WhatsApp does not ban the number.',
        'wait',
        waitMs,
      );
    this.placed.set(chatId, true);
    await pause(waitMs);
  }

  /** WhatsApp lets us begin no chats; those that exist go on. Told once for each restriction. */
  async restrict(until: Date | undefined): Promise<void> {
    const before = this.restrictedUntil;
    if (before > Date.now() && (!until || until.getTime() === before)) return;
    const restrictedUntil = until ?? new Date(Date.now() + RESTRICTED_MS);
    this.restrictedUntil = restrictedUntil.getTime();
    try {
      await this.tell(restrictedUntil);
    } catch (error) {
      this.restrictedUntil = before;
      throw error;
    }
  }

  private async begun(): Promise<NewChats> {
    this.newChats ??= this.rows.newChats(this.channel).then((begun) => new NewChats(begun));
    try {
      return await this.newChats;
    } catch (error) {
      this.newChats = undefined;
      throw error;
    }
  }

  /** Asked once per number: numbers that are checked in bulk get a channel banned. */
  private async isReachable(socket: BaileysSocket, phone: string): Promise<boolean> {
    const known = this.reachable.get(phone);
    if (known !== undefined) return known;
    const found = await socket.lookUp(phone).catch(() => undefined);
    if (found !== undefined) this.reachable.set(phone, found, found ? {} : { ttl: ABSENT_MS });
    return found ?? true;
  }
}
