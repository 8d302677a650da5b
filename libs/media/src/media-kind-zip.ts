import { type FileHandle, open } from 'node:fs/promises';

/** A file of an archive, as the archive's directory at its end tells it. */
export interface ZipEntry {
  name: string;
  /** 0: stored as it is. */
  method: number;
  /** Bytes in the archive, and after unpacking. */
  packed: number;
  size: number;
  /** Where its own header stands. */
  at: number;
}

/** It cannot be read as readers of archives do, or is made to overwhelm them. */
export class OddZipError extends Error {}

const END = 0x06_05_4b_50;
const END_BYTES = 22;
const DIRECTORY = 0x02_01_4b_50;
const DIRECTORY_BYTES = 46;
const LOCAL = 0x04_03_4b_50;
const LOCAL_BYTES = 30;
const LONGEST_COMMENT = 65_535;
/** An office file of 10 MB unpacks to a few hundred. */
const MOST_UNPACKED = 1_000_000_000;

/**
 * What is in an archive, by its directory, which is what readers go by. Nothing is unpacked. An archive with something before it,
 * behind it, or with files that share bytes is refused: it is made so on purpose.
 * @throws OddZipError
 */
export async function zipEntries(file: FileHandle): Promise<ZipEntry[]> {
  const { size } = await file.stat();
  const tail = await part(file, Math.max(0, size - END_BYTES - LONGEST_COMMENT), size);
  const end = endIn(tail);
  const [count, length, from] = [end.readUInt16LE(10), end.readUInt32LE(12), end.readUInt32LE(16)];
  if (from + length > size - end.length) throw new OddZipError('its directory lies outside of it');
  const entries = entriesIn(await part(file, from, from + length), count);
  if (Math.min(...entries.map(({ at }) => at)) !== 0) throw new OddZipError('something stands before it');
  const placed = entries.toSorted((one, other) => one.at - other.at);
  const overlaps = placed.some(({ at, packed }, index) => at + LOCAL_BYTES + packed > (placed[index + 1]?.at ?? from));
  if (overlaps) throw new OddZipError('its files share their bytes');
  if (entries.reduce((total, entry) => total + entry.size, 0) > MOST_UNPACKED)
    throw new OddZipError('it unpacks to more than 1 GB');
  return entries;
}

/** The bytes of a small file that is stored without compression. @throws OddZipError */
export async function storedBytes(file: FileHandle, { name, at, method, packed }: ZipEntry): Promise<Buffer> {
  const head = await part(file, at, at + LOCAL_BYTES);
  if (head.readUInt32LE(0) !== LOCAL || method !== 0 || packed > 1_000) throw new OddZipError(`${name} is not stored plainly`);
  const from = at + LOCAL_BYTES + head.readUInt16LE(26) + head.readUInt16LE(28);
  return part(file, from, from + packed);
}

/** Opens it for `use`, and closes it. */
export async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

async function part(file: FileHandle, from: number, to: number): Promise<Buffer> {
  const bytes = Buffer.alloc(to - from);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, from);
  if (bytesRead < bytes.length) throw new OddZipError('it ends too early');
  return bytes;
}

/** The last record, whose comment reaches to the very end. */
function endIn(tail: Buffer): Buffer {
  for (let at = tail.length - END_BYTES; at >= 0; at -= 1) {
    if (tail.readUInt32LE(at) === END && at + END_BYTES + tail.readUInt16LE(at + 20) === tail.length) return tail.subarray(at);
  }
  throw new OddZipError('it has no end');
}

function entriesIn(directory: Buffer, count: number): ZipEntry[] {
  const entries: ZipEntry[] = [];
  let at = 0;
  while (at + DIRECTORY_BYTES <= directory.length && directory.readUInt32LE(at) === DIRECTORY) {
    const nameEnd = at + DIRECTORY_BYTES + directory.readUInt16LE(at + 28);
    entries.push({
      name: directory.toString('utf8', at + DIRECTORY_BYTES, nameEnd),
      method: directory.readUInt16LE(at + 10),
      packed: directory.readUInt32LE(at + 20),
      size: directory.readUInt32LE(at + 24),
      at: directory.readUInt32LE(at + 42),
    });
    at = nameEnd + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  if (entries.length === 0 || entries.length !== count) throw new OddZipError('its directory is damaged');
  return entries;
}
