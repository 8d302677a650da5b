// @ts-check
// The bare loops of `npm run bench:media`: the same three pictures from the same file by sharp alone, two files at once, for so many files.
// `bare-sharp.mjs <one decode | three> <count> <folder> <file…>` prints pictures per second.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';

const AT_ONCE = 2;
const SIDES = { original: 2048, medium: 800, thumbnail: 200 };

const [way, count = '', folder = '', ...files] = process.argv.slice(2);
await mkdir(folder, { recursive: true });
sharp.cache(false);
sharp.concurrency(1);

/** @param {import('sharp').Sharp} image @param {number} side */
const smaller = (image, side) => image.resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true });

/** As one writes it at first: each size from the file. @param {string} file @param {(name: string) => string} target */
async function three(file, target) {
  for (const [name, side] of Object.entries(SIDES)) {
    await smaller(sharp(file).autoOrient(), side).jpeg({ quality: 80 }).toFile(target(name));
  }
}

/** The quickest that we know: the others are cut from the largest. @param {string} file @param {(name: string) => string} target */
async function oneDecode(file, target) {
  const { data, info } = await smaller(sharp(file).autoOrient(), SIDES.original).raw().toBuffer({ resolveWithObject: true });
  const raw = { width: info.width, height: info.height, channels: info.channels };
  for (const [name, side] of Object.entries(SIDES)) {
    await smaller(sharp(data, { raw }), side).jpeg({ quality: 80 }).toFile(target(name));
  }
}

const make = way === 'three' ? three : oneDecode;
let next = 0;
/** @param {number} worker */
const work = async (worker) => {
  while (next < Number(count)) await make(files[next++ % files.length] ?? '', (name) => join(folder, `${worker}-${name}`));
};
// The first loads and compiles.
await make(files[0] ?? '', (name) => join(folder, name));
const started = performance.now();
await Promise.all(Array.from({ length: AT_ONCE }, (_, worker) => work(worker)));
console.log(Number(count) / ((performance.now() - started) / 1_000));
