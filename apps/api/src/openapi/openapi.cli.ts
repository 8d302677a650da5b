import 'reflect-metadata';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { projectRoot } from '@soko/config';

// The document depends on no setting and no database: modules are looked at and not started.
Object.assign(process.env, {
  DATABASE_URL: 'postgres://none/none',
  JWT_SECRET: 'x'.repeat(32),
  ENCRYPTION_KEYS: `none:${Buffer.alloc(32).toString('base64')}`,
});
const { ApiModule } = await import('../api.module.js');
const { buildDocument } = await import('./docs.js');

const app = await NestFactory.create(ApiModule, new FastifyAdapter(), { preview: true, logger: false });
const file = join(projectRoot(), 'docs/openapi.json');
const text = `${JSON.stringify(buildDocument(app), null, 2)}\n`;
if (!process.argv.includes('--check')) {
  writeFileSync(file, text);
  console.log(`Wrote ${file}`);
} else if (readFileSync(file, 'utf8') !== text) {
  console.error('docs/openapi.json is stale: run npm run openapi, and commit it');
  process.exitCode = 1;
}
