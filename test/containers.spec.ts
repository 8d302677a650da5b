import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getMetadataStorage } from 'class-validator';
import { loadSettings, projectRoot, Settings } from '@soko/config';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const root = projectRoot();
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

interface Service {
  image: string;
  command?: string[];
  environment: Record<string, string | number>;
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
  ports?: string[];
}
const { services } = parse(read('docker-compose.yml'), { merge: true }) as { services: Record<string, Service> };
const APPS = ['api', 'bot-gateway', 'worker'] as const;

test('what the Dockerfile copies and the services run exists', () => {
  const dockerfile = read('Dockerfile');
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) => match[1]!.split(' '));
  expect(copied.length).toBeGreaterThan(5);
  for (const source of copied) expect(existsSync(join(root, source)), source).toBe(true);
  const ignored = read('.dockerignore').split('\n').filter(Boolean);
  for (const source of copied) expect(ignored, source).not.toContain(source);
  const commands = [...APPS, 'migrate'].map((name) => services[name]!.command ?? JSON.parse(/^CMD (.+)$/m.exec(dockerfile)![1]!));
  for (const command of commands as string[][]) {
    const file = command.at(-1)!.replace(/^dist/, '').replace(/\.js$/, '.ts');
    expect(existsSync(join(root, file)), file).toBe(true);
  }
});

test('the image is built in stages, runs as nobody special, on Node 24', () => {
  const stages = read('Dockerfile')
    .split(/^FROM /m)
    .slice(1);
  expect(stages.map((stage) => / AS (\S+)/.exec(stage)![1])).toEqual(['deps', 'build', 'production-deps', 'runtime']);
  expect(stages.at(-1)).toMatch(/^node:24/);
  expect(stages.at(-1)).toMatch(/^USER node$/m);
});

test('the processes have the same settings, all of them real, and none starts without its secrets', () => {
  const { environment } = services.api!;
  for (const app of APPS) expect(services[app]!.environment).toEqual(environment);
  const rules = getMetadataStorage().getTargetValidationMetadatas(Settings, '', false, false);
  const known = new Set(rules.map((rule) => rule.propertyName));
  expect(Object.keys(environment).filter((name) => !known.has(name))).toEqual([]);
  for (const secret of ['JWT_SECRET', 'ENCRYPTION_KEYS', 'POSTGRES_PASSWORD']) {
    expect(JSON.stringify(environment)).toMatch(new RegExp(`\\$\\{${secret}:\\?`));
  }
  // As compose fills it in, with the secrets given and everything else left out.
  const filled = Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      String(value).replace(/\$\{(\w+):(\?|-)([^}]*)\}/g, (_, secret: string, kind: string, rest: string) =>
        kind === '?' ? (secret === 'ENCRYPTION_KEYS' ? `k1:${Buffer.alloc(32).toString('base64')}` : 'x'.repeat(32)) : rest,
      ),
    ]),
  );
  expect(loadSettings(filled)).toMatchObject({
    production: true,
    simulator: false,
    PORT: 3000,
    HOST: '0.0.0.0',
    GATEWAY_SHARDS: 4,
  });
});

test('everything waits for a migrated database, is checked for health, and only the api is reached from outside', () => {
  for (const app of APPS) {
    expect(services[app]!.depends_on).toMatchObject({ migrate: { condition: 'service_completed_successfully' } });
    expect(services[app]!.healthcheck?.test.length).toBeGreaterThan(1);
  }
  expect(services.migrate!.depends_on).toEqual({ postgres: { condition: 'service_healthy' } });
  for (const name of ['postgres', 'redis']) expect(services[name]!.healthcheck?.test.length).toBeGreaterThan(1);
  expect(Object.keys(services).filter((name) => services[name]!.ports)).toEqual(['api']);
});
