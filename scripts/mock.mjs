// @ts-check
// `npm run mock:cloud` and `npm run mock:whatsapp`: the networks on this machine, for trying channels without them.
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { ROOT } from './launcher/paths.mjs';
import { ensureBuilt, ensureInstalled } from './preflight.mjs';

const [name = '', ...args] = process.argv.slice(2);
await ensureInstalled();
await ensureBuilt();
const entry = join(ROOT, 'dist', 'libs', 'testing', 'src', name, 'cli.js');
process.argv = [process.execPath, entry, ...args];
await import(pathToFileURL(entry).href);
