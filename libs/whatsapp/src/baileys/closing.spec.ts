import { describe, expect, it } from 'vitest';
import { afterClosing } from './closing.js';

const after = (code: number, over: { linking?: boolean; usedUp?: boolean; failures?: number } = {}) =>
  afterClosing({ code, linking: false, failures: 1, ...over });

describe('after a connection has closed', () => {
  it('WhatsApp asks for a new one after pairing: at once', () => {
    expect(after(515, { linking: true })).toEqual({ do: 'reconnect', afterMs: 0, failed: false });
  });

  it.each([428, 408, 503, 500, 599])('%d: again, from about 5 s, and longer each time', (code) => {
    const first = after(code);
    const second = after(code, { failures: 2 });
    expect(first).toMatchObject({ do: 'reconnect', failed: false });
    expect(second).toMatchObject({ do: 'reconnect', failed: false });
    if (first.do !== 'reconnect' || second.do !== 'reconnect') throw new Error('it stops');
    expect(first.afterMs).toBeGreaterThanOrEqual(4_000);
    expect(first.afterMs).toBeLessThanOrEqual(6_000);
    expect(second.afterMs).toBeGreaterThan(first.afterMs * 1.2);
  });

  it('three in a row that came to nothing: the merchant is told, and it goes on slowly, never slower than in 6 minutes', () => {
    for (const failures of [3, 4, 5, 10, 100]) {
      const next = after(428, { failures });
      expect(next).toMatchObject({ do: 'reconnect', failed: true });
      if (next.do !== 'reconnect') throw new Error('it stops');
      expect(next.afterMs).toBeGreaterThan(30_000);
      expect(next.afterMs).toBeLessThanOrEqual(360_000);
    }
  });

  it.each([
    [401, 'logged_out', true],
    [440, 'failed', false],
    [403, 'failed', false],
    [411, 'failed', false],
    [405, 'failed', false],
  ] as const)('%d: it stops as %s, wipes: %s, and says what to do', (code, status, wipe) => {
    for (const failures of [1, 9])
      expect(after(code, { failures })).toMatchObject({
        do: 'stop',
        status,
        wipe,
        alarm: true,
        reason: expect.stringMatching(/.{20,}/),
      });
  });

  it('nobody scanned: it stops, and nobody is alarmed', () => {
    const usedUp = { linking: true, usedUp: true };
    expect(after(408, usedUp)).toMatchObject({ do: 'stop', status: 'disconnected', alarm: false, wipe: true });
    // One who has linked needs no code any more.
    expect(after(408, { ...usedUp, linking: false })).toMatchObject({ do: 'reconnect' });
  });

  it('a connection that asks for a new one and for nothing else is not obeyed for ever', () => {
    expect(after(515, { failures: 2 })).toMatchObject({ do: 'reconnect', afterMs: 0 });
    const next = after(515, { failures: 3 });
    expect(next).toMatchObject({ do: 'reconnect', failed: true });
    expect(next.do === 'reconnect' && next.afterMs).toBeGreaterThan(10_000);
  });

  it('a server that cannot be reached while linking is tried again', () => {
    for (const code of [408, 428, 503]) expect(after(code, { linking: true })).toMatchObject({ do: 'reconnect' });
  });
});
