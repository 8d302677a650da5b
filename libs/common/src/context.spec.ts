import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { workContext } from './context.js';

const work = async (requestId: string): Promise<(string | undefined)[]> => {
  const seen = [workContext.requestId];
  await pause(Math.random() * 5);
  seen.push(workContext.requestId);
  await new Promise<void>((resolve) => {
    setImmediate(() => {
      seen.push(workContext.requestId);
      resolve();
    });
  });
  await Promise.all([pause(1), Promise.resolve()]);
  seen.push(workContext.requestId, requestId);
  return seen;
};

describe('workContext', () => {
  it('is absent outside of work', () => {
    expect(workContext.requestId).toBeUndefined();
  });

  it('gives back what the work gives back, also when it throws', () => {
    expect(workContext.run({ requestId: 'r1' }, () => 42)).toBe(42);
    expect(() =>
      workContext.run({ requestId: 'r1' }, () => {
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(workContext.requestId).toBeUndefined();
  });

  it('follows each piece of work across awaits, timers and callbacks, next to others', async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `r${index}`);
    const seen = await Promise.all(ids.map((requestId) => workContext.run({ requestId }, () => work(requestId))));
    seen.forEach((each, index) => expect(new Set(each)).toEqual(new Set([`r${index}`])));
  });

  it('nests: the inner work has its own, the outer keeps its own', async () => {
    await workContext.run({ requestId: 'outer' }, async () => {
      await workContext.run({ requestId: 'inner' }, async () => {
        await pause(1);
        expect(workContext.requestId).toBe('inner');
      });
      expect(workContext.requestId).toBe('outer');
    });
  });
});
