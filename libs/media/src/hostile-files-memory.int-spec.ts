import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { type HostileFile, hostileFiles } from './hostile-files.js';
import { makeVariants } from './image-variants.js';
import { withIncomingFile } from './incoming-file.js';

/* A file of tests is a process of its own: nothing else is in its memory. */

/** The allocator's pools fill up in these. */
const FIRST = 4;
const MORE = 4;
/** A leak of a megapixel in each round would be more. */
const MOST_MB = 60;

const files = await hostileFiles();
const folder = mkdtempSync(join(tmpdir(), 'soko-memory-'));

async function through({ bytes, declared }: HostileFile): Promise<void> {
  const draw = async ({ path, kind }: { path: string; kind: string }): Promise<unknown> =>
    kind === 'image' ? makeVariants(path, (name) => join(folder, name)) : undefined;
  await withIncomingFile(Readable.from(bytes.length > 0 ? [bytes] : []), declared, draw, join(folder, 'incoming')).catch(
    () => undefined,
  );
}

async function rounds(count: number): Promise<number[]> {
  const after: number[] = [];
  for (let round = 0; round < count; round += 1) {
    for (const file of files) await through(file);
    after.push(process.memoryUsage().rss / 1_000_000);
  }
  return after;
}
/** What a moment of more does not move. */
const middle = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

test('memory comes back, however often the corpus runs', { timeout: 280_000 }, async () => {
  const [before, after] = [await rounds(FIRST), await rounds(MORE)];
  console.log(`MB after each round: ${[...before, ...after].map(Math.round).join(' ')}`);
  expect(middle(after) - middle(before.slice(FIRST / 2))).toBeLessThan(MOST_MB);
  expect(readdirSync(join(folder, 'incoming'))).toEqual([]);
  rmSync(folder, { recursive: true });
});
