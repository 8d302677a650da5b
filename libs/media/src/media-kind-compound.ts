import type { FileHandle } from 'node:fs/promises';

/** It cannot be read as a compound file. */
export class OddCompoundError extends Error {}

const HEADER_BYTES = 512;
const ENTRY_BYTES = 128;
/** From here on a sector's number means something else. */
const LAST_SECTOR = 0xff_ff_ff_fa;
/** In the header; more are in a chain of their own. */
const TABLES_IN_HEADER = 109;
/** Names are in the first few; a directory that goes on and on, or in a circle, is left there. */
const MOST_DIRECTORY_SECTORS = 2_000;

/**
 * The names of all that is in a compound file, the container of Word, Excel and PowerPoint until 2003, of installers and of mails:
 * https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-cfb
 * @throws OddCompoundError
 */
export async function compoundNames(file: FileHandle): Promise<Set<string>> {
  const header = await bytes(file, 0, HEADER_BYTES);
  const shift = header.readUInt16LE(30);
  if (shift !== 9 && shift !== 12) throw new OddCompoundError('its sectors have an odd size');
  const sectorBytes = 1 << shift;
  const sector = (number: number): Promise<Buffer> => bytes(file, (number + 1) * sectorBytes, sectorBytes);
  const next = async (number: number): Promise<number> => {
    const perTable = sectorBytes / 4;
    const table = await tableAt(header, Math.floor(number / perTable), sector);
    return (await sector(table)).readUInt32LE((number % perTable) * 4);
  };
  const names = new Set<string>();
  let number = header.readUInt32LE(48);
  for (let count = 0; number < LAST_SECTOR; count += 1) {
    if (count === MOST_DIRECTORY_SECTORS) throw new OddCompoundError('its directory has no end');
    for (const name of namesIn(await sector(number))) names.add(name);
    number = await next(number);
  }
  return names;
}

/** The sector that holds the table of that number. */
async function tableAt(header: Buffer, index: number, sector: (number: number) => Promise<Buffer>): Promise<number> {
  if (index < TABLES_IN_HEADER) return header.readUInt32LE(76 + index * 4);
  let list = await sector(header.readUInt32LE(68));
  const perList = list.length / 4 - 1;
  let left = index - TABLES_IN_HEADER;
  for (; left >= perList; left -= perList) list = await sector(list.readUInt32LE(perList * 4));
  return list.readUInt32LE(left * 4);
}

function* namesIn(sector: Buffer): Generator<string> {
  for (let at = 0; at < sector.length; at += ENTRY_BYTES) {
    const length = sector.readUInt16LE(at + 64);
    const used = sector[at + 66] !== 0;
    if (used && length >= 2 && length <= 64) yield sector.toString('utf16le', at, at + length - 2);
  }
}

async function bytes(file: FileHandle, from: number, length: number): Promise<Buffer> {
  const found = Buffer.alloc(length);
  const { bytesRead } = await file.read(found, 0, length, from);
  // The last sector may be cut short.
  if (bytesRead === 0) throw new OddCompoundError('it ends too early');
  return found;
}
