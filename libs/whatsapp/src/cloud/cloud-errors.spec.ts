import { describe, expect, it, test } from 'vitest';
import {
  answerVerdict,
  CloudError,
  HALT_MS,
  pairWaitMs,
  receiptError,
  retryAfterMs,
  silenceVerdict,
  verdictOn,
} from './cloud-errors.js';

const DAY_MS = 86_400_000;

/** Meta's codes with what they do to a message: fate, our code, and whether the channel stops. */
const TABLE: [codes: number[], fate: string, code: string, halts?: true][] = [
  [[1, 2, 131000], 'retry', 'network_trouble'],
  [[4, 80007, 130429], 'wait', 'rate_limited'],
  [[131016, 131057, 133004], 'wait', 'network_away'],
  [[131056], 'wait', 'pair_rate_limited'],
  [[131049], 'wait', 'marketing_limited'],
  [[131047], 'failed', 'window_closed'],
  [[131026], 'failed', 'recipient_unreachable'],
  [[131050], 'failed', 'marketing_stopped'],
  [[130472], 'failed', 'experiment'],
  [[131021], 'failed', 'own_number'],
  [[131051], 'failed', 'type_unsupported'],
  [[131008, 131009, 100], 'failed', 'content_refused'],
  [[132000, 132012], 'failed', 'template_values'],
  [[132001], 'failed', 'template_missing'],
  [[132005], 'failed', 'template_too_long'],
  [[132007, 132068, 132069], 'failed', 'template_refused'],
  [[132015], 'failed', 'template_paused'],
  [[132016], 'failed', 'template_disabled'],
  [[131052], 'failed', 'media_unreadable'],
  [[131053], 'failed', 'media_refused'],
  [[0, 190], 'wait', 'token_invalid', true],
  [[3, 10, 200, 250, 299, 131005], 'wait', 'permission_missing', true],
  [[368], 'wait', 'policy_blocked', true],
  [[131031], 'wait', 'account_locked', true],
  [[131042], 'wait', 'billing_problem', true],
  [[131048], 'wait', 'spam_limited', true],
  [[131064], 'wait', 'messaging_blocked', true],
  [[133010], 'wait', 'number_unregistered', true],
  [[33], 'wait', 'number_unknown', true],
];

describe('a code of Meta', () => {
  it.each(TABLE.flatMap(([codes, fate, code, halts]) => codes.map((each) => [each, fate, code, halts] as const)))(
    '%d: %s, %s',
    (meta, fate, code, halts) => {
      for (const given of [meta, String(meta)]) {
        const verdict = verdictOn({ code: given }, { status: 400 });
        expect(verdict).toMatchObject({ fate, code });
        expect(verdict.halts ?? false).toBe(halts ?? false);
        expect(verdict.text).toContain(`Meta: ${meta}`);
      }
    },
  );

  it('that halts the channel puts the message off until it is looked at again, and 131049 by a day', () => {
    expect(verdictOn({ code: 190 }).afterMs).toBe(HALT_MS);
    expect(verdictOn({ code: 131049 }).afterMs).toBe(DAY_MS);
  });

  it('100 about a number that is not there means the channel, not the message', () => {
    expect(verdictOn({ code: 100, error_subcode: 33 })).toMatchObject({ code: 'number_unknown', halts: true });
  });

  it.each([
    [400, 'failed'],
    [404, 'failed'],
    [500, 'retry'],
    [503, 'retry'],
  ])('that we do not know is judged by its status: %d is %s', (status, fate) => {
    expect(verdictOn({ code: 999_999 }, { status }).fate).toBe(fate);
  });

  it.each([undefined, null, 'x', 1.5, {}, '', Number.NaN])('that is %j is none', (code) => {
    expect(verdictOn({ code }, { status: 400 })).toMatchObject({ fate: 'failed', code: 'refused' });
  });

  it('brings Meta’s own words along, without a token in them', () => {
    const error = { code: 131009, message: 'no', error_data: { details: 'Param to EAAJbZC0ZD1234567890abcdef is bad' } };
    const { text } = verdictOn(error);
    expect(text).toBe('WhatsApp refused what the message holds. Meta: 131009, Param to … is bad');
    expect(new CloudError(verdictOn(error)).message).toBe(text);
  });
});

describe('an answer without an error of Meta’s', () => {
  it.each([
    [429, 'wait', 'rate_limited', false],
    [500, 'retry', 'network_trouble', false],
    [503, 'retry', 'network_trouble', false],
    [401, 'wait', 'token_invalid', true],
    [403, 'wait', 'permission_missing', true],
    [302, 'retry', 'network_trouble', false],
    [404, 'failed', 'refused', false],
    [413, 'failed', 'refused', false],
  ])('%d: %s, %s', (status, fate, code, halts) => {
    for (const body of [undefined, null, 'html', [], {}, { error: null }, { error: 'text' }]) {
      const verdict = answerVerdict(status, body);
      expect(verdict).toMatchObject({ fate, code });
      expect(verdict.halts ?? false).toBe(halts);
    }
  });
});

describe('Retry-After', () => {
  it('is kept to, in seconds and as a date, and not beyond an hour', () => {
    const now = Date.parse('2026-11-25T10:00:00Z');
    expect(retryAfterMs('7', now)).toBe(7_000);
    expect(retryAfterMs('Wed, 25 Nov 2026 10:01:00 GMT', now)).toBe(60_000);
    expect(retryAfterMs('999999', now)).toBe(3_600_000);
    for (const nonsense of [undefined, '', '0', '-5', 'soon', 'Wed, 25 Nov 2026 09:00:00 GMT'])
      expect(retryAfterMs(nonsense, now)).toBeUndefined();
  });

  it('puts off what is tried again, and never earlier than the code asks for', () => {
    expect(answerVerdict(429, undefined, '12').afterMs).toBe(12_000);
    expect(answerVerdict(503, { error: { code: 131000 } }, '12').afterMs).toBe(12_000);
    expect(verdictOn({ code: 131049 }, { status: 400, retryAfter: '12' }).afterMs).toBe(DAY_MS);
    expect(verdictOn({ code: 131026 }, { status: 400, retryAfter: '12' }).afterMs).toBeUndefined();
  });
});

test('no answer is a doubt once anything was written, and nothing but a failed try before that', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 10.1.2.3:443'), { code: 'ECONNREFUSED' });
  expect(silenceVerdict(refused, false)).toEqual({
    code: 'unreachable',
    fate: 'retry',
    text: 'WhatsApp could not be reached (ECONNREFUSED).',
  });
  const timeout = Object.assign(new Error('x'), { name: 'TimeoutError' });
  expect(silenceVerdict(timeout, true)).toMatchObject({ code: 'no_answer', fate: 'doubt' });
  expect(silenceVerdict(timeout, true).text).toContain('timeout');
});

test('one person is left alone for 4^n seconds, for an hour at most', () => {
  expect([1, 2, 3, 4, 5, 6, 50].map(pairWaitMs)).toEqual([4_000, 16_000, 64_000, 256_000, 1_024_000, 3_600_000, 3_600_000]);
});

test('a failed receipt says why, whatever its errors look like', () => {
  expect(receiptError([{ code: 131026, title: 'Message undeliverable' }])).toEqual({
    code: 'recipient_unreachable',
    message: 'The number has no WhatsApp, or one that is too old to get this message. Meta: 131026, Message undeliverable',
  });
  for (const odd of [undefined, null, [], [null], ['x'], {}, [{ code: {} }]]) expect(receiptError(odd).code).toBe('refused');
});
