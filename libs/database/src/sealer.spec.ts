import { loadSettings } from '@soko/config';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Sealer } from './sealer.js';

const OLD = `old:${Buffer.alloc(32, 1).toString('base64')}`;
const NEW = `new:${Buffer.alloc(32, 2).toString('base64')}`;
const MERCHANT = '01890000-0000-7000-8000-000000000001';
const PLACE = 'webhooks.secret';
/** What AES-GCM says of a value that is not as it was sealed, or too short to be one. */
const SPOILED = /unable to authenticate data|Invalid authentication tag|Invalid initialization vector|no sealed value/;

/** Seals under the first key. */
const sealerOf = (...keys: string[]): Sealer =>
  new Sealer(
    loadSettings({
      DATABASE_URL: 'postgres://db/soko',
      JWT_SECRET: 'x'.repeat(32),
      ENCRYPTION_KEYS: keys.join(','),
    }),
  );
const seal = (text: string, sealer = sealerOf(OLD)): string => sealer.seal(text, MERCHANT, PLACE);
const reseal = (sealed: string, sealer = sealerOf(NEW, OLD)): string => sealer.reseal(sealed, MERCHANT, PLACE);
const open = (sealed: string, sealer = sealerOf(OLD)): string => sealer.open(sealed, MERCHANT, PLACE);

const parts = (sealed: string) => {
  const [version, keyId, wrapped, data] = sealed.split('.') as [string, string, string, string];
  return { version, keyId, wrapped, data };
};
const bytes = (part: string): Buffer => Buffer.from(part, 'base64url');
const text = fc.string({ unit: 'binary', maxLength: 200 });

describe('a sealed value', () => {
  it('opens to the text that was sealed, whatever it is', () => {
    const sealer = sealerOf(OLD);
    fc.assert(
      fc.property(text, (plain) => {
        expect(open(seal(plain, sealer), sealer)).toBe(plain);
      }),
    );
  });

  it.each([
    ['nothing', ''],
    ['a dot', '.'],
    ['what looks sealed', 'v1.a.b.c'],
    ['what looks like the time before', 'plain.x'],
    ['a NUL', '\0'],
    ['a megabyte of emoji', '😀'.repeat(250_000)],
  ])('holds %s', (_, plain) => {
    expect(open(seal(plain))).toBe(plain);
  });

  it('has the form that the database and the rotation know it by', () => {
    const sealed = seal('whsec_1');
    expect(sealed).toMatch(/^v1\.old\.[\w-]+\.[\w-]+$/);
    expect(bytes(parts(sealed).wrapped)).toHaveLength(12 + 16 + 32);
    expect(bytes(parts(sealed).data)).toHaveLength(12 + 16 + 'whsec_1'.length);
  });

  it('shows nothing of its text', () => {
    const telling = fc.string({ minLength: 8, maxLength: 100 });
    fc.assert(
      fc.property(telling, (plain) => {
        const sealed = seal(plain);
        expect(sealed).not.toContain(plain);
        expect(bytes(parts(sealed).data).includes(Buffer.from(plain))).toBe(false);
      }),
    );
  });

  it('is another one each time, in both parts', () => {
    const [first, second] = [parts(seal('the same')), parts(seal('the same'))];
    expect(first.wrapped).not.toBe(second.wrapped);
    expect(first.data).not.toBe(second.data);
  });

  it('opens for its merchant and its place only', () => {
    const owners = fc.uniqueArray(fc.uuid(), { minLength: 2, maxLength: 2 });
    const places = fc.uniqueArray(fc.stringMatching(/^[a-z_]{1,20}\.[a-z_]{1,20}$/), { minLength: 2, maxLength: 2 });
    const sealer = sealerOf(OLD);
    fc.assert(
      fc.property(owners, places, text, ([mine, theirs], [here, there], plain) => {
        const sealed = sealer.seal(plain, mine!, here!);
        expect(() => sealer.open(sealed, theirs!, here!)).toThrow(SPOILED);
        expect(() => sealer.open(sealed, mine!, there!)).toThrow(SPOILED);
        expect(sealer.open(sealed, mine!, here!)).toBe(plain);
      }),
    );
  });

  it('does not open once any bit of its data or of its wrapped key is another', () => {
    fc.assert(
      fc.property(text, fc.boolean(), fc.nat(), fc.nat({ max: 7 }), (plain, ofData, at, bit) => {
        const { wrapped, data } = parts(seal(plain));
        const changed = bytes(ofData ? data : wrapped);
        changed[at % changed.length]! ^= 1 << bit;
        const spoiled = changed.toString('base64url');
        expect(() => open(`v1.old.${ofData ? `${wrapped}.${spoiled}` : `${spoiled}.${data}`}`)).toThrow(SPOILED);
      }),
      { numRuns: 500 },
    );
  });

  it('does not open once a byte of it is missing, wherever it is cut', () => {
    const { wrapped, data } = parts(seal('whsec_1'));
    for (let kept = 0; kept < bytes(data).length; kept += 1)
      expect(() => open(`v1.old.${wrapped}.${bytes(data).subarray(0, kept).toString('base64url')}`), `data: ${kept}`).toThrow(
        SPOILED,
      );
    for (let kept = 0; kept < bytes(wrapped).length; kept += 1)
      expect(() => open(`v1.old.${bytes(wrapped).subarray(0, kept).toString('base64url')}.${data}`), `key: ${kept}`).toThrow(
        SPOILED,
      );
  });

  it('does not open with the data or the wrapped key of another value', () => {
    const [mine, other] = [parts(seal('mine')), parts(seal('other'))];
    expect(() => open(`v1.old.${mine.wrapped}.${other.data}`)).toThrow(SPOILED);
    expect(() => open(`v1.old.${other.wrapped}.${mine.data}`)).toThrow(SPOILED);
  });

  it('does not open under another key that passes for its own', () => {
    const impostor = sealerOf(OLD.replace(/:.*/, `:${Buffer.alloc(32, 3).toString('base64')}`));
    expect(() => open(seal('whsec_1'), impostor)).toThrow(SPOILED);
  });

  it('does not open under the right key of another name', () => {
    const renamed = sealerOf(OLD.replace('old:', 'renamed:'));
    const { wrapped, data } = parts(seal('whsec_1'));
    expect(() => open(`v1.renamed.${wrapped}.${data}`, renamed)).toThrow(SPOILED);
  });

  it.each(['', 'whsec_1', 'v1', 'v1.old', 'v1.old..', 'v1..a.b', 'v2.old.a.b', 'plain'])('is not %j', (value) => {
    expect(() => open(value)).toThrow('this is no sealed value');
    expect(() => reseal(value)).toThrow('this is no sealed value');
  });
});

describe('the keys', () => {
  it('seal by the first, and open by any', () => {
    const sealed = seal('whsec_1', sealerOf(NEW, OLD));
    expect(parts(sealed).keyId).toBe('new');
    expect(sealerOf(NEW, OLD).currentKey).toBe('new');
    for (const sealer of [sealerOf(NEW), sealerOf(OLD, NEW)]) expect(open(sealed, sealer)).toBe('whsec_1');
  });

  it('are named by the error when the one that is needed is gone, with what to do', () => {
    const gone = /sealed under the key "old": add it to ENCRYPTION_KEYS again/;
    expect(() => open(seal('whsec_1'), sealerOf(NEW))).toThrow(gone);
    expect(() => reseal(seal('whsec_1'), sealerOf(NEW))).toThrow(gone);
  });
});

describe('sealing anew', () => {
  it('opens with the new key alone, and with the old one no more', () => {
    fc.assert(
      fc.property(text, (plain) => {
        const later = reseal(seal(plain));
        expect(open(later, sealerOf(NEW))).toBe(plain);
        expect(() => open(later, sealerOf(OLD))).toThrow(/key "new"/);
      }),
    );
  });

  it('leaves the data as it is, and wraps its key anew', () => {
    const earlier = seal('whsec_1');
    const later = reseal(earlier);
    expect(parts(later)).toEqual({ ...parts(earlier), keyId: 'new', wrapped: expect.any(String) });
    expect(parts(later).wrapped).not.toBe(parts(earlier).wrapped);
  });

  it('keeps a value to its merchant and its place', () => {
    const later = reseal(seal('whsec_1'));
    expect(() => sealerOf(NEW).open(later, MERCHANT.replace(/1$/, '2'), PLACE)).toThrow(SPOILED);
    expect(() => sealerOf(NEW).open(later, MERCHANT, 'webhooks.headers')).toThrow(SPOILED);
  });

  it('refuses a value whose wrapped key was changed', () => {
    const { wrapped, data } = parts(seal('whsec_1'));
    const changed = bytes(wrapped);
    changed[20]! ^= 1;
    expect(() => reseal(`v1.old.${changed.toString('base64url')}.${data}`)).toThrow(SPOILED);
  });
});

describe('a value from before there was encryption', () => {
  it('is read as it stands, dots and all', () => {
    fc.assert(
      fc.property(text, (plain) => {
        expect(open(`plain.${plain}`)).toBe(plain);
      }),
    );
  });

  it('is sealed by sealing anew, for its merchant and its place', () => {
    fc.assert(
      fc.property(text, (plain) => {
        const sealed = reseal(`plain.${plain}`, sealerOf(NEW));
        expect(parts(sealed)).toMatchObject({ version: 'v1', keyId: 'new' });
        expect(open(sealed, sealerOf(NEW))).toBe(plain);
        expect(() => sealerOf(NEW).open(sealed, MERCHANT, 'webhooks.headers')).toThrow(SPOILED);
      }),
    );
  });
});
