import type { CacheStore } from '@whiskeysockets/baileys';
import { LRUCache } from 'lru-cache';

/** A cache as Baileys takes it, which never grows beyond `max` and needs no timer. */
export function memoryCache(max: number, ttlMs = 0): CacheStore {
  const cache = new LRUCache<string, string | number | object>({ max, ttl: ttlMs });
  return {
    get: <T>(key: string) => cache.get(key) as T | undefined,
    set: (key, value) => {
      if (value === null || value === undefined) cache.delete(key);
      else cache.set(key, value);
    },
    del: (key) => void cache.delete(key),
    flushAll: () => cache.clear(),
  };
}
