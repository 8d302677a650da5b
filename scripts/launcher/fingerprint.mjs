// @ts-check
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from './paths.mjs';

const FOLDERS = ['apps', 'libs', 'migrations'];
const SINGLE_FILES = /^(tsconfig.*\.json|nest-cli\.json|package-lock\.json)$/;
/** The dashboard's own output and what is never compiled: a changed spec needs no new build. */
const IGNORED = /(^|\/)(node_modules|dist)$|^apps\/api\/public$|\.(spec|int-spec)\.tsx?$|(^|\/)\.[^/]+$/;

/** @param {string} folder relative to the checkout @returns {Promise<string[]>} */
async function filesUnder(folder) {
  const entries = await readdir(join(ROOT, folder), { withFileTypes: true }).catch(() => []);
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = `${folder}/${entry.name}`;
      if (IGNORED.test(path)) return [];
      return entry.isDirectory() ? filesUnder(path) : entry.isFile() ? [path] : [];
    }),
  );
  return found.flat();
}

/**
 * What the build depends on, by content: a checkout, a copy or a touch changes times but not what comes out.
 * @returns {Promise<{ hash: string, files: string[] }>}
 */
export async function sourceFingerprint() {
  const single = (await readdir(ROOT)).filter((name) => SINGLE_FILES.test(name));
  const files = [...single, ...(await Promise.all(FOLDERS.map(filesUnder))).flat()].toSorted();
  const hash = createHash('sha256');
  for (let at = 0; at < files.length; at += 64) {
    const part = files.slice(at, at + 64);
    const contents = await Promise.all(part.map((file) => readFile(join(ROOT, file)).catch(() => Buffer.alloc(0))));
    part.forEach((file, index) => {
      const content = contents[index] ?? Buffer.alloc(0);
      hash.update(`${file}\0${content.length}\0`).update(content);
    });
  }
  return { hash: hash.digest('hex'), files };
}
