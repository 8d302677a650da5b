import { crc32 } from 'node:zlib';

/* Archives and old office files, right and wrong, made from nothing. */

const text = (value: string): Buffer => Buffer.from(value, 'latin1');

export interface ZipOptions {
  /** Before and behind the archive. */
  before?: Buffer;
  behind?: Buffer;
  /** What the directory says that every file unpacks to, in bytes. */
  claims?: number;
  /** Every entry of the directory is of the first file. */
  shared?: boolean;
}

/** A ZIP of files that are stored as they are. */
export function zip(files: Record<string, string | Buffer>, { before, behind, claims, shared }: ZipOptions = {}): Buffer {
  const locals: Buffer[] = [before ?? Buffer.alloc(0)];
  const directory: Buffer[] = [];
  let at = before?.length ?? 0;
  for (const [name, content] of Object.entries(files)) {
    const bytes = Buffer.from(content as string);
    const head = Buffer.alloc(26);
    head.writeUInt16LE(20, 0);
    head.writeUInt32LE(crc32(bytes), 10);
    head.writeUInt32LE(bytes.length, 14);
    head.writeUInt32LE(bytes.length, 18);
    head.writeUInt16LE(Buffer.byteLength(name), 22);
    const entry = Buffer.alloc(46);
    entry.set(text('PK\x01\x02\x14\0'));
    head.copy(entry, 6);
    if (claims) entry.writeUInt32LE(claims, 24);
    entry.writeUInt32LE(shared ? (before?.length ?? 0) : at, 42);
    locals.push(text('PK\x03\x04'), head, Buffer.from(name), bytes);
    directory.push(entry, Buffer.from(name));
    at += 30 + Buffer.byteLength(name) + bytes.length;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.set(text('PK\x05\x06'));
  end.writeUInt16LE(directory.length / 2, 8);
  end.writeUInt16LE(directory.length / 2, 10);
  end.writeUInt32LE(entries.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...locals, entries, end, behind ?? Buffer.alloc(0)]);
}

export const WORD = { '[Content_Types].xml': '<Types/>', '_rels/.rels': '<Relationships/>', 'word/document.xml': '<w/>' };
export const EXCEL = { '[Content_Types].xml': '<Types/>', 'xl/workbook.xml': '<workbook/>' };
export const SLIDES = { '[Content_Types].xml': '<Types/>', 'ppt/presentation.xml': '<p/>' };
export const ODS = {
  mimetype: 'application/vnd.oasis.opendocument.spreadsheet',
  'content.xml': '<office/>',
  'META-INF/manifest.xml': '<m/>',
};

const SECTOR = 512;
const END_OF_CHAIN = 0xff_ff_ff_fe;

/** A compound file with these names in its directory, and nothing in them. `circle`: a directory that leads to its own beginning. */
export function compound(names: string[], circle = false): Buffer {
  const perSector = SECTOR / 128;
  const all = ['Root Entry', ...names];
  const sectors = Math.ceil(all.length / perSector);
  const header = Buffer.alloc(SECTOR);
  header.set(Buffer.from('d0cf11e0a1b11ae1', 'hex'));
  header.writeUInt16LE(0x3e, 24);
  header.writeUInt16LE(3, 26);
  header.writeUInt16LE(0xff_fe, 28);
  header.writeUInt16LE(9, 30);
  header.writeUInt16LE(6, 32);
  header.writeUInt32LE(1, 44);
  header.writeUInt32LE(1, 48);
  header.writeUInt32LE(4_096, 56);
  for (const at of [60, 68]) header.writeUInt32LE(END_OF_CHAIN, at);
  header.fill(0xff, 76);
  header.writeUInt32LE(0, 76);
  const table = Buffer.alloc(SECTOR, 0xff);
  table.writeUInt32LE(0xff_ff_ff_fd, 0);
  for (let n = 1; n <= sectors; n += 1) table.writeUInt32LE(n < sectors ? n + 1 : circle ? 1 : END_OF_CHAIN, n * 4);
  const directory = Buffer.alloc(sectors * SECTOR);
  for (const [n, name] of all.entries()) {
    directory.write(name, n * 128, 'utf16le');
    directory.writeUInt16LE(Buffer.byteLength(name, 'utf16le') + 2, n * 128 + 64);
    directory[n * 128 + 66] = n === 0 ? 5 : 2;
  }
  return Buffer.concat([header, table, directory]);
}
