// @ts-check
// An operator's command, on what .env and the environment say, or else on the stack that runs from this folder.
import { join } from 'node:path';
import { runCommand } from './launcher/command.mjs';

const [name, ...args] = process.argv.slice(2);
process.exitCode = await runCommand(join('dist', name ?? ''), args);
