// @ts-check
// `npm run client`: packages/client, made of docs/openapi.json and ready to publish. `--check`: whether what was made of it is the newest;
// `--build`: only what is published, of the sources as they are.
import { execFileSync } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import openapiTS, { astToString } from 'openapi-typescript';
import { ROOT } from './launcher/paths.mjs';

const FILE = 'packages/client/src/api.ts';
const REFUSED = {
  description: 'The call was refused.',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

/** Types of the whole API. All that a call may be refused with has one form: written once a status it would be nine tenths of the file. */
async function types() {
  const document = JSON.parse(await readFile(join(ROOT, 'docs/openapi.json'), 'utf8'));
  for (const operation of Object.values(document.paths).flatMap((item) => Object.values(item))) {
    const answers = Object.entries(operation.responses).filter(([status]) => Number(status) < 400);
    operation.responses = { ...Object.fromEntries(answers), default: REFUSED };
  }
  const text = astToString(await openapiTS(document));
  return `// Made by \`npm run client\` from docs/openapi.json.\n\n${text}`;
}

const [task] = process.argv.slice(2);
if (task === '--check') {
  if ((await readFile(join(ROOT, FILE), 'utf8').catch(() => '')) !== (await types())) {
    console.error(`${FILE} is stale: run npm run client, and commit it`);
    process.exitCode = 1;
  }
} else {
  if (task !== '--build') await writeFile(join(ROOT, FILE), await types());
  await rm(join(ROOT, 'packages/client/dist'), { recursive: true, force: true });
  execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', join(ROOT, 'packages/client')], {
    stdio: 'inherit',
  });
}
