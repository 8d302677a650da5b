import type { Settings } from '@soko/config';
import { poolOptions } from '@soko/database';
import { type ConnectionOptions, createPostgresBackend, setDefaultBackendFactory } from 'bullmq';
import { Pool } from 'pg';
import { QueuePool } from './queue-pool.js';

/** One process's way to the queue store. */
export interface QueueBackend {
  /** For producers: fails at once while the store is away. */
  producer: { connection: ConnectionOptions; prefix: string };
  /** For workers: waits until the store is back. */
  worker: { connection: ConnectionOptions; prefix: string };
  close: () => Promise<void>;
}

/**
 * Redis when REDIS_URL is set, PostgreSQL (schema `bullmq`) otherwise: the same BullMQ either way.
 * @param serves whether this process takes jobs off the queues; who only rings needs few connections, and each costs PostgreSQL some 50 ms to open
 */
export function queueBackend(settings: Settings, serves: boolean): QueueBackend {
  const prefix = settings.QUEUE_PREFIX;
  if (settings.REDIS_URL) {
    const url = settings.REDIS_URL;
    return {
      producer: { connection: { url, maxRetriesPerRequest: 1, enableOfflineQueue: true, commandTimeout: 5_000 }, prefix },
      worker: { connection: { url, maxRetriesPerRequest: null }, prefix },
      close: async () => {},
    };
  }
  setDefaultBackendFactory(createPostgresBackend);
  const options = poolOptions(settings, 'soko_system', serves ? 16 : 3, 'bullmq');
  // One pool for all queues of the process. A commit here waits for no disk: what a crash of the server takes with it are alarms,
  // and the sweep rings again for the rows.
  const pool = new QueuePool(
    new Pool({
      connectionString: settings.DATABASE_SYSTEM_URL ?? settings.DATABASE_URL,
      ...options,
      options: `${options.options} -c synchronous_commit=off`,
      types: undefined,
    }),
  );
  const connection = pool as unknown as ConnectionOptions;
  return { producer: { connection, prefix }, worker: { connection, prefix }, close: () => pool.end() };
}
