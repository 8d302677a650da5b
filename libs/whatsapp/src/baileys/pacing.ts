import { jitter } from '@soko/common';

/** What a channel may do towards people who have never written to it: WhatsApp bans numbers that write to many strangers at once. */
export interface Pace {
  newChatsPerDay: number;
  newChatGapMs: number;
}

const DAY_MS = 86_400_000;
const GAP_S = 4;
/** Chats that a channel may begin a day, by its age in days: warmed up within two weeks. */
const WARM_UP = [20, 30, 45, 70, 100, 150, 200, 250, 300, 350, 400, 450, 500, 1_000];

/** The merchant's own setting, or what suits the channel's age. */
export function paceOf(config: Record<string, unknown>, createdAt: Date, now = Date.now()): Pace {
  const age = Math.max(0, Math.floor((now - createdAt.getTime()) / DAY_MS));
  return {
    newChatsPerDay: number(config.newChatsPerDay) ?? WARM_UP[Math.min(age, WARM_UP.length - 1)]!,
    newChatGapMs: (number(config.newChatGapSeconds) ?? GAP_S) * 1_000,
  };
}

const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

/** Begun chats of one channel in the last 24 hours. */
export class NewChats {
  /** When each was begun, oldest first; the last may lie ahead. */
  private readonly begun: number[];

  constructor(begun: Date[]) {
    this.begun = begun.map((at) => at.getTime()).toSorted((a, b) => a - b);
  }

  /**
   * Takes the next place for a new chat, if it comes within `patience` ms.
   * @returns ms to wait for the place that was taken, or, with `taken: false`, after which to ask again.
   */
  take(pace: Pace, patience: number, now = Date.now()): { taken: boolean; waitMs: number } {
    while (this.begun.length > 0 && this.begun[0]! <= now - DAY_MS) this.begun.shift();
    if (this.begun.length >= pace.newChatsPerDay) {
      const frees = this.begun[this.begun.length - Math.max(1, pace.newChatsPerDay)] ?? now;
      return { taken: false, waitMs: Math.max(60_000, frees + DAY_MS - now) };
    }
    const last = this.begun.at(-1);
    const at = last === undefined ? now : Math.max(now, last + (pace.newChatGapMs > 0 ? jitter(pace.newChatGapMs, 0.5) : 0));
    if (at - now > patience) return { taken: false, waitMs: at - now };
    this.begun.push(at);
    return { taken: true, waitMs: at - now };
  }
}
