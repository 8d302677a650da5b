import { PassThrough } from 'node:stream';
import { maskPhone, newId, workContext } from '@soko/common';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLogger, maskLine, NestLogger } from './logger.js';

const setup = (level = 'trace') => {
  const out = new PassThrough({ encoding: 'utf8' });
  const logger = createLogger('worker', level, out);
  const text = (): string => (out.read() as string | null) ?? '';
  const lines = (): Record<string, unknown>[] =>
    text()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { logger, lines, text };
};

const phone = fc.stringMatching(/^\+[1-9]\d{6,14}$/);
/** Where a phone may turn up in a line. */
const carriers: ((phone: string) => unknown)[] = [
  (value) => ({ phone: value }),
  (value) => ({ msg: `to ${value}: not sent` }),
  (value) => ({ msg: `(${value})`, to: [value, value] }),
  (value) => ({ err: { message: `${value},${value}`, stack: `Error: ${value}\n    at x` } }),
  (value) => ({ [value]: 1 }),
  (value) => ({ jid: `${value.slice(1)}@s.whatsapp.net` }),
  (value) => ({ jid: `${value.slice(1)}:12@s.whatsapp.net` }),
  (value) => ({ msg: `from ${value.slice(1)}:0@lid failed` }),
  (value) => ({ msg: `${value.slice(1)}@c.us` }),
  (value) => ({ jid: `${value}@s.whatsapp.net` }),
];

describe('maskLine', () => {
  it.each([
    ['{"to":"+263771234567"}', '{"to":"+263*****4567"}'],
    ['to +263771234567, then +12025550123', 'to +263*****4567, then +120*****0123'],
    ['263771234567@s.whatsapp.net', '263*****4567@s.whatsapp.net'],
    ['263771234567:12@s.whatsapp.net', '263*****4567:12@s.whatsapp.net'],
    ['123456789012345@lid', '123*****2345@lid'],
    ['Key (phone)=(+263771234567) already exists', 'Key (phone)=(+263*****4567) already exists'],
  ])('%s becomes %s', (line, masked) => {
    expect(maskLine(line)).toBe(masked);
  });

  it('leaves no full number in any JSON line, wherever it stands, and the line stays JSON', () => {
    fc.assert(
      fc.property(phone, fc.constantFrom(...carriers), (value, carry) => {
        const line = maskLine(JSON.stringify(carry(value)));
        expect(line).not.toContain(value.slice(1));
        expect(line).toContain(maskPhone(value.slice(1)).slice(0, 8));
        expect(() => void JSON.parse(line)).not.toThrow();
      }),
    );
  });

  it('leaves other digits alone: times, ids, amounts, addresses', () => {
    const digits = fc.oneof(
      fc.maxSafeInteger(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.uuid(),
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
      fc.stringMatching(/^\d{1,20}$/),
      fc.ipV4(),
      fc.constant('2026-11-01T08:00:00+02:00'),
      fc.constant('120363025246125486@g.us'),
      fc.constant('wamid.HBgMMjYzNzcxMjM0NTY3'),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), digits), (fields) => {
        const line = JSON.stringify({ time: Date.now(), ...fields });
        expect(maskLine(line)).toBe(line);
      }),
    );
  });
});

describe('createLogger', () => {
  it('writes one JSON line with the app, the time and the fields', () => {
    const { logger, lines } = setup();
    logger.info({ orderId: 7 }, 'placed');
    logger.info('ready');
    expect(lines()).toEqual([
      expect.objectContaining({ app: 'worker', level: 30, orderId: 7, msg: 'placed', time: expect.any(Number) }),
      expect.objectContaining({ app: 'worker', msg: 'ready' }),
    ]);
  });

  it('writes nothing below its level', () => {
    const { logger, lines } = setup('warn');
    logger.info('quiet');
    logger.warn('loud');
    expect(lines().map((line) => line.msg)).toEqual(['loud']);
  });

  it('carries the request id of the work at hand, across awaits, and of no other work', async () => {
    const { logger, lines } = setup();
    const ids = [newId(), newId()];
    await Promise.all(
      ids.map((requestId) =>
        workContext.run({ requestId }, async () => {
          await Promise.resolve();
          logger.info({ mine: requestId }, 'working');
        }),
      ),
    );
    logger.info('outside');
    const [one, two, outside] = lines();
    expect([one!.requestId, two!.requestId]).toEqual([one!.mine, two!.mine]);
    expect([one!.mine, two!.mine]).toEqual(ids);
    expect(outside).not.toHaveProperty('requestId');
  });

  it('masks numbers in fields, messages and errors', () => {
    const { logger, text } = setup();
    logger.warn({ err: new Error('no chat with +263771234567'), to: '+263771234567' }, 'not sent to +263771234567');
    logger.child({ phone: '+263771234567' }).info('child');
    const written = text();
    expect(written).not.toContain('771234567');
    expect(written.match(/\+263\*{5}4567/g)!.length).toBeGreaterThanOrEqual(5);
  });

  it.each([
    { password: 'hunter2' },
    { secret: 'hunter2' },
    { authorization: 'Bearer hunter2' },
    { body: { email: 'a@example.com', password: 'hunter2' } },
    { webhook: { secret: 'hunter2' } },
    { headers: { authorization: 'hunter2' } },
  ])('never writes what is secret: %j', (fields) => {
    const { logger, text } = setup();
    logger.info(fields, 'x');
    const written = text();
    expect(written).toContain('[Redacted]');
    expect(written).not.toContain('hunter2');
  });
});

describe('NestLogger', () => {
  it("keeps Nest's levels and context; its chatter is for debugging", () => {
    const { logger, lines } = setup();
    const nest = new NestLogger(logger);
    nest.log('started', 'NestFactory');
    nest.warn('careful', 'Router');
    nest.error('broken', 'at x.ts', 'Router');
    expect(lines()).toEqual([
      expect.objectContaining({ level: 20, msg: 'started', context: 'NestFactory' }),
      expect.objectContaining({ level: 40, msg: 'careful', context: 'Router' }),
      expect.objectContaining({ level: 50, msg: 'broken', context: 'Router', stack: 'at x.ts' }),
    ]);
  });
});
