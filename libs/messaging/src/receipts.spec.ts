import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MessageStatus } from './message.dto.js';
import { climb, type Receipt } from './receipts.js';

type Step = Receipt['status'];
const receipts = (...steps: Step[]) => steps.map((status) => ({ status, error: { code: 'gone', message: 'no' } }));
const WHY = { code: 'gone', message: 'no' };

describe('what receipts make of a message', () => {
  it.each<[string, MessageStatus[], Step[], ReturnType<typeof climb>]>([
    ['sent is news', ['queued', 'sending'], ['sent'], { status: 'sent', entries: ['sent'], error: null, news: ['sent'] }],
    [
      'delivered says sent too',
      ['queued', 'sending'],
      ['delivered'],
      { status: 'delivered', entries: ['delivered'], error: null, news: ['sent'] },
    ],
    [
      'all in order',
      ['queued', 'sending'],
      ['sent', 'delivered', 'read'],
      { status: 'read', entries: ['sent', 'delivered', 'read'], error: null, news: ['sent'] },
    ],
    [
      'read first',
      ['queued', 'sending'],
      ['read', 'delivered', 'sent'],
      { status: 'read', entries: ['read'], error: null, news: ['sent'] },
    ],
    [
      'what is known to be sent is no news',
      ['queued', 'sending', 'sent'],
      ['delivered'],
      { status: 'delivered', entries: ['delivered'], error: null, news: [] },
    ],
    ['failed', ['queued', 'sending'], ['failed'], { status: 'failed', entries: ['failed'], error: WHY, news: [WHY] }],
    [
      'failed after sent',
      ['queued', 'sending', 'sent'],
      ['failed'],
      { status: 'failed', entries: ['failed'], error: WHY, news: [WHY] },
    ],
    [
      'sent, then failed',
      ['sending'],
      ['sent', 'failed'],
      { status: 'failed', entries: ['sent', 'failed'], error: WHY, news: ['sent', WHY] },
    ],
    [
      'arrived after all',
      ['sending', 'failed'],
      ['delivered'],
      { status: 'delivered', entries: ['delivered'], error: null, news: ['sent'] },
    ],
    [
      'before it was marked as being sent',
      ['queued'],
      ['sent'],
      { status: 'sent', entries: ['sent'], error: null, news: ['sent'] },
    ],
  ])('%s', (_, before, steps, expected) => expect(climb(before, receipts(...steps))).toEqual(expected));

  it.each<[MessageStatus[], Step[]]>([
    [['queued', 'sending', 'sent'], ['sent']],
    [
      ['queued', 'sending', 'failed'],
      ['sent', 'failed'],
    ],
    [
      ['queued', 'sending', 'delivered'],
      ['failed', 'sent', 'delivered'],
    ],
    [
      ['queued', 'sending', 'read'],
      ['delivered', 'failed'],
    ],
    [
      ['queued', 'cancelled'],
      ['sent', 'read', 'failed'],
    ],
    [['received'], ['read']],
    [['queued'], []],
  ])('of %j, %j are old news', (before, steps) => expect(climb(before, receipts(...steps))).toBeUndefined());

  it('a failure without a reason has one that says so', () => {
    expect(climb(['sending'], [{ status: 'failed' }])!.error).toEqual({ code: 'failed', message: 'WhatsApp did not say why.' });
  });

  const steps = fc.array(fc.constantFrom<Step>('sent', 'delivered', 'read', 'failed'), { maxLength: 12 });
  const apply = (before: MessageStatus[], batches: Step[][]) => {
    let news: unknown[] = [];
    for (const batch of batches) {
      const change = climb(before, receipts(...batch));
      before = [...before, ...(change?.entries ?? [])];
      news = [...news, ...(change?.news ?? [])];
    }
    return { before, news };
  };

  it('in any order, doubled, and in any number of batches: the same end, and each news once', () => {
    fc.assert(
      fc.property(steps, fc.array(fc.nat(11)), fc.infiniteStream(fc.nat()), (all, cuts, random) => {
        const order = [...random.take(all.length)].map((key, n) => [key, all[n]!] as const).toSorted(([a], [b]) => a - b);
        const shuffled = [...order.map(([, step]) => step), ...all];
        const batches = cuts
          .toSorted((a, b) => a - b)
          .reduce<Step[][]>(
            (parts, cut) => [...parts.slice(0, -1), parts.at(-1)!.slice(0, cut), parts.at(-1)!.slice(cut)],
            [shuffled],
          );
        const once = apply(['queued', 'sending'], [all]);
        const split = apply(['queued', 'sending'], batches);
        expect(split.before.at(-1)).toBe(once.before.at(-1));
        expect(apply(split.before, [all])).toEqual({ before: split.before, news: [] });
        const out = all.some((step) => step !== 'failed');
        // A "sent" below a failure that came first is old news; whatever arrives above it is not.
        expect(split.news.filter((each) => each === 'sent').length).toBeLessThanOrEqual(out ? 1 : 0);
        const arrived = all.includes('delivered') || all.includes('read');
        expect(split.news.includes('sent') || !arrived).toBe(true);
        expect(split.news.filter((each) => each !== 'sent').length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 500 },
    );
  });
});
