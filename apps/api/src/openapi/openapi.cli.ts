import 'reflect-metadata';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { projectRoot } from '@soko/config';

// What is written depends on no setting and no database: modules are looked at and not started.
Object.assign(process.env, {
  DATABASE_URL: 'postgres://none/none',
  JWT_SECRET: 'x'.repeat(32),
  ENCRYPTION_KEYS: `none:${Buffer.alloc(32).toString('base64')}`,
});
const { ApiModule } = await import('../api.module.js');
const { buildDocument } = await import('./docs.js');
const { eventTypesPage } = await import('./event-types-page.js');

const app = await NestFactory.create(ApiModule, new FastifyAdapter(), { preview: true, logger: false });
const pages = {
  'docs/openapi.json': `${JSON.stringify(buildDocument(app), null, 2)}\n`,
  'docs/event-types.md': eventTypesPage(),
};
for (const [name, text] of Object.entries(pages)) {
  const file = join(projectRoot(), name);
  if (!process.argv.includes('--check')) {
    writeFileSync(file, text);
    console.log(`Wrote ${file}`);
  } else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    console.error(`${name} is stale: run npm run openapi, and commit it`);
    process.exitCode = 1;
  }
}
