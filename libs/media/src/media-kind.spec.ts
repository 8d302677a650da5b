import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mediaTypeOf, safeFilename } from './media-kind.js';

const text = (value: string) => Buffer.from(value);
const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex');
const mp4 = (brand: string) => Buffer.concat([Buffer.from([0, 0, 0, 24]), text(`ftyp${brand}`), Buffer.alloc(12)]);

describe('mediaTypeOf', () => {
  it.each([
    ['a PDF', text('%PDF-1.7\n'), { filename: 'list.pdf' }, 'document', 'application/pdf'],
    ['CSV by its name', text('sku,price\nA,1\n'), { filename: 'p.csv', mimeType: 'text/plain' }, 'document', 'text/csv'],
    ['text in Arabic', text('سلام'), {}, 'document', 'text/plain'],
    ['MP4', mp4('isom'), { mimeType: 'video/mp4' }, 'video', 'video/mp4'],
    ['MP4 with sound alone', mp4('isom'), { mimeType: 'audio/mp4' }, 'audio', 'audio/mp4'],
    ['M4A', mp4('M4A '), { filename: 'a.m4a' }, 'audio', 'audio/mp4'],
    ['AMR', text('#!AMR\n\x00'), { filename: 'a.amr' }, 'audio', 'audio/amr'],
    ['a type left open', text('%PDF-1.7\n'), { mimeType: 'application/octet-stream' }, 'document', 'application/pdf'],
  ] as const)('knows %s', async (_, bytes, declared, kind, mimeType) => {
    expect(await mediaTypeOf(bytes, declared)).toMatchObject({ kind, mimeType });
  });

  it('refuses what the name or the header denies, and names both', async () => {
    const pdf = text('%PDF-1.7\n');
    await expect(mediaTypeOf(pdf, { mimeType: 'image/png' })).rejects.toThrow(/image\/png.*application\/pdf/);
    await expect(mediaTypeOf(pdf, { filename: 'a.pdf.exe' })).rejects.toThrow(/\.exe.*application\/pdf/);
    await expect(mediaTypeOf(pdf, { kind: 'image' })).rejects.toMatchObject({ status: 415, code: 'media_type_mismatch' });
    await expect(mediaTypeOf(PNG, { kind: 'sticker' })).rejects.toMatchObject({ status: 415 });
  });
});

describe('safeFilename', () => {
  it('never holds a folder, a control character or a leading dot', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'./\\ a\0\u202eé😀'), maxLength: 300 }), (name) => {
        const safe = safeFilename(name);
        expect(safe).toMatch(/^[^/\\\p{Cc}\p{Cf}]+$/u);
        expect(safe.startsWith('.')).toBe(false);
        expect([...safe].length).toBeLessThanOrEqual(120);
      }),
    );
  });
});
