import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@soko/common';
import { Client } from 'pg';
import { type Stack, startStack } from '../../scripts/stack.mjs';

export interface TestStack {
  stack: Stack;
  baseUrl: string;
  /** As the superuser. */
  db: Client;
  stop(): Promise<void>;
}

/** The three real processes on a PostgreSQL of their own; queues on Redis when REDIS_URL is set. Run after a build. */
export async function startTestStack(env: Record<string, string> = {}): Promise<TestStack> {
  const dataDir = await mkdtemp(join(tmpdir(), 'soko-e2e-'));
  const lines: string[] = [];
  const { PATH, HOME, REDIS_URL } = process.env;
  const stack = await startStack({
    dataDir,
    port: 0,
    durable: false,
    seed: false,
    env: {
      PATH,
      HOME,
      ...(REDIS_URL ? { REDIS_URL } : {}),
      QUEUE_PREFIX: `e2e-${newId()}`,
      LOG_LEVEL: 'warn',
      RATE_LIMIT_ENABLED: 'false',
      ...env,
    },
    log: (line) => lines.push(line),
  });
  const db = new Client({ connectionString: stack.databaseUrl });
  await db.connect();
  return {
    stack,
    baseUrl: stack.url,
    db,
    stop: async () => {
      await db.end();
      await stack.stop();
      await rm(dataDir, { recursive: true, force: true });
      if (process.env.E2E_LOGS) console.log(lines.join('\n'));
    },
  };
}
