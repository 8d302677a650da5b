import type { Settings } from '@soko/config';
import { poolOptions } from '@soko/database';
import { type ConnectionOptions, createPostgresBackend, setDefaultBackendFactory } from 'bullmq';
import { Pool } from 'pg';

/** One process's way to the queue store. */
export interface QueueBackend {
  /** For producers: fails at once while the store is away. */
  producer: { connection: ConnectionOptions; prefix: string };
  /** For workers: waits until the store is back. */
  worker: { connection: ConnectionOptions; prefix: string };
  close: () => Promise<void>;
}

/** Redis when REDIS_URL is set, PostgreSQL (schema `bullmq`) otherwise: the same BullMQ either way. */
export function queueBackend(settings: Settings): QueueBackend {
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
  // One pool for all queues of the process. Each worker holds one of its connections for LISTEN.
  const pool = new Pool({
    connectionString: settings.DATABASE_SYSTEM_URL ?? settings.DATABASE_URL,
    ...poolOptions(settings, 'soko_system', 16, 'bullmq'),
    types: undefined,
  });
  // Every queue and worker adds a listener of its own.
  pool.setMaxListeners(0);
  const connection = pool as unknown as ConnectionOptions;
  return { producer: { connection, prefix }, worker: { connection, prefix }, close: () => pool.end() };
}
