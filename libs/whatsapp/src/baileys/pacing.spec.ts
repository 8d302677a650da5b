import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NewChats, paceOf } from './pacing.js';

const DAY = 86_400_000;
const NOW = Date.parse('2026-11-25T12:00:00Z');
const age = (days: number) => paceOf({}, new Date(NOW - days * DAY), NOW);

describe('the pace of a channel', () => {
  it('is slow on the first day and grows with age, up to a thousand', () => {
    expect(age(0).newChatsPerDay).toBe(20);
    for (let day = 1; day < 30; day++) expect(age(day).newChatsPerDay).toBeGreaterThanOrEqual(age(day - 1).newChatsPerDay);
    expect(age(400).newChatsPerDay).toBe(1_000);
  });

  it('is what the merchant says, zero included', () => {
    expect(paceOf({ newChatsPerDay: 0, newChatGapSeconds: 1.5 }, new Date(NOW), NOW)).toEqual({
      newChatsPerDay: 0,
      newChatGapMs: 1_500,
    });
  });
});

describe('places for new chats', () => {
  it('come a gap apart; one that is too far away is not taken', () => {
    const chats = new NewChats([]);
    const pace = { newChatsPerDay: 10, newChatGapMs: 4_000 };
    expect(chats.take(pace, 0, NOW)).toEqual({ taken: true, waitMs: 0 });
    const early = chats.take(pace, 1_000, NOW);
    expect(early.taken).toBe(false);
    expect(early.waitMs).toBeGreaterThanOrEqual(2_000);
    expect(early.waitMs).toBeLessThanOrEqual(6_000);
    expect(chats.take(pace, 10_000, NOW)).toMatchObject({ taken: true });
  });

  it('those of the last 24 hours count, and no others', () => {
    const chats = new NewChats([new Date(NOW - DAY - 1), new Date(NOW - 1_000), new Date(NOW - 2_000)]);
    const pace = { newChatsPerDay: 3, newChatGapMs: 0 };
    expect(chats.take(pace, 0, NOW).taken).toBe(true);
    const full = chats.take(pace, 0, NOW);
    expect(full.taken).toBe(false);
    expect(chats.take(pace, 0, NOW + full.waitMs).taken).toBe(true);
  });

  it('whatever is asked when, never more are taken in 24 hours than the pace allows', () => {
    const steps = fc.array(fc.integer({ min: 0, max: DAY / 3 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 10_000 }), (waits, perDay, gap) => {
        const chats = new NewChats([]);
        const taken: number[] = [];
        let now = NOW;
        for (const wait of waits) {
          now += wait;
          const place = chats.take({ newChatsPerDay: perDay, newChatGapMs: gap }, 60_000, now);
          if (place.taken) taken.push(now + place.waitMs);
        }
        for (const at of taken)
          expect(taken.filter((other) => other > at - DAY + 60_000 && other <= at).length).toBeLessThanOrEqual(perDay);
      }),
    );
  });
});
