import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Settings } from '@soko/config';
import { poolOptions } from '@soko/database';
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import {
  type RateLimiterAbstract,
  RateLimiterMemory,
  RateLimiterPostgres,
  RateLimiterRedis,
  type RateLimiterRes,
} from 'rate-limiter-flexible';

/** What is told of a counter after something was taken from it. */
export interface Count {
  /** Taken in this window by everybody, the last take included. */
  used: number;
  /** Milliseconds until the window ends. */
  resetMs: number;
}

/** Refuses nothing by itself: how much is too much is the caller's to say. */
const POINTS = 2_000_000_000;

/**
 * Counters in windows that begin with the first take, shared by all processes: in Redis when REDIS_URL is set, in PostgreSQL
 * otherwise. While that store is away each process counts for itself, so that limits loosen and nobody is locked out.
 */
@Injectable()
export class Counters implements OnModuleInit, OnApplicationShutdown {
  private readonly limiter: RateLimiterAbstract;
  private readonly open: () => Promise<unknown>;
  private readonly close: () => Promise<unknown>;

  constructor(settings: Settings) {
    const options = { points: POINTS, duration: 900, insuranceLimiter: new RateLimiterMemory({ points: POINTS, duration: 900 }) };
    if (settings.REDIS_URL) {
      const redis = new Redis(settings.REDIS_URL, {
        maxRetriesPerRequest: 1,
        commandTimeout: 2_000,
        connectTimeout: 2_000,
        lazyConnect: true,
        enableOfflineQueue: false, // A hit must not wait for a connection that is away: it falls back at once.
      });
      redis.on('error', () => undefined); // Every call falls back, and the queues, on the same store, tell of it.
      this.limiter = new RateLimiterRedis({ ...options, storeClient: redis, keyPrefix: `${settings.QUEUE_PREFIX}:limits` });
      this.open = () => redis.connect().catch(() => undefined); // It goes on trying.
      this.close = async () => redis.disconnect();
    } else {
      const pool = new Pool({
        connectionString: settings.DATABASE_SYSTEM_URL ?? settings.DATABASE_URL,
        ...poolOptions(settings, 'soko_system', 2),
      });
      pool.on('error', () => undefined); // A connection lost while idle; the next call opens another.
      this.limiter = new RateLimiterPostgres({
        ...options,
        storeClient: pool,
        storeType: 'pool',
        tableName: 'rate_limits',
        tableCreated: true,
        keyPrefix: 'l',
      });
      this.open = async () => undefined;
      this.close = () => pool.end();
    }
  }

  /** Takes `amount` from `key`; the window begins with the first take and lasts `windowSeconds`. */
  async take(key: string, amount: number, windowSeconds: number): Promise<Count> {
    const result: RateLimiterRes = await this.limiter.consume(key, amount, { customDuration: windowSeconds });
    return { used: result.consumedPoints, resetMs: Math.max(result.msBeforeNext, 1) };
  }

  async clear(key: string): Promise<void> {
    await this.limiter.delete(key);
  }

  async onModuleInit(): Promise<void> {
    await this.open();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.close();
  }
}
