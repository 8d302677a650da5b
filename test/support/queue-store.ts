import { until } from '@soko/testing';
import { Redis } from 'ioredis';
import type { TestStack } from './stack.js';

/** Empties what the queues are kept in, as a restart of a Redis without a disk would. */
export async function emptyQueueStore({ db }: TestStack): Promise<void> {
  if (process.env.REDIS_URL) {
    const redis = new Redis(process.env.REDIS_URL);
    await redis.flushdb();
    redis.disconnect();
    return;
  }
  // Every row of BullMQ's own tables but those that say which of its migrations have run.
  const { rows } = await db.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'bullmq' AND tablename NOT LIKE '%migration%'`,
  );
  if (rows.length < 2) throw new Error('the tables of the queues were not found');
  // The workers hold these tables in orders of their own: whoever is chosen to give way in a deadlock tries again.
  const truncate = `TRUNCATE ${rows.map((row) => row.name).join(', ')}`;
  await until('an empty queue store', () => db.query(truncate));
}
