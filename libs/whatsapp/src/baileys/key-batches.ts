import { setImmediate as turn } from 'node:timers/promises';
import type { SignalDataSet, SignalDataTypeMap, SignalKeyStore } from '@whiskeysockets/baileys';
import { LRUCache } from 'lru-cache';
import { type Deferred, deferred } from './deferred.js';

/** Signal keys that stay in memory, per connection: what is asked for at every message, and not the 812 pre-keys of a new link. */
const CACHED = 500;
const CACHED_TYPES = ['session', 'device-list', 'lid-mapping', 'tctoken', 'identity-key'];
/** So many turns of the ratchet back a late message is read, as on phones. libsignal keeps every one for ever, and writes all at each step. */
const CHAINS = 5;
const RECEIVING = 2;

type Type = keyof SignalDataTypeMap;
type Value = SignalDataTypeMap[Type] | null;
interface Batch {
  data: Partial<Record<Type, Record<string, Value>>>;
  written: Deferred<void>;
}
/** A record of sessions, as libsignal gives it away. */
interface StoredSessions {
  _sessions: Record<string, { _chains: Record<string, { chainType: number }> }>;
}

/**
 * The Signal keys of one connection in memory, written in batches: whatever comes while a batch is being written goes, together, into
 * the next one. What was set is read from then on. A write of sessions is not waited for by the one who makes it, so that the next
 * message to the same person need not wait either: whoever lets something leave waits for `written` first.
 */
export class KeyBatches implements SignalKeyStore {
  /** Removals too: a read that began before one must not bring back what was removed. */
  private readonly cache = new LRUCache<string, { value: Value }>({ max: CACHED });
  /** What is not written yet, by type and id. */
  private readonly unwritten = new Map<string, Value>();
  private next?: Batch;
  private last: Promise<void> = Promise.resolve();
  private failure?: unknown;

  /** @param keys a failed write of which ends the connection */
  constructor(private readonly keys: SignalKeyStore) {}

  async get<T extends Type>(type: T, ids: string[]): Promise<Record<string, SignalDataTypeMap[T]>> {
    const found: Record<string, SignalDataTypeMap[T]> = {};
    const missing: string[] = [];
    for (const id of ids) {
      const value = this.recall(type, id);
      if (value === undefined) missing.push(id);
      else if (value !== null) found[id] = value as SignalDataTypeMap[T];
    }
    if (missing.length === 0) return found;
    const read = await this.keys.get(type, missing);
    for (const id of missing) {
      // Set while it was being read.
      const newer = this.recall(type, id);
      const value = newer === undefined ? read[id] : newer;
      if (value === null || value === undefined) continue;
      found[id] = value as SignalDataTypeMap[T];
      if (newer === undefined) this.remember(type, id, value);
    }
    return found;
  }

  async set(data: SignalDataSet): Promise<void> {
    if (this.failure) throw this.failure;
    const batch = (this.next ??= this.begin());
    for (const [type, entries] of Object.entries(data) as [Type, Record<string, Value>][]) {
      for (const [id, value] of Object.entries(entries ?? {})) {
        if (type === 'session' && value) forgetOldChains(value as unknown as StoredSessions);
        (batch.data[type] ??= {})[id] = value;
        this.unwritten.set(`${type}.${id}`, value ?? null);
        this.remember(type, id, value);
      }
    }
    if (!data.session) await batch.written.promise;
  }

  /** Resolves when all that was set until now is kept. @throws when it could not be: then nothing that stands on it may leave. */
  async written(): Promise<void> {
    await this.last;
  }

  private recall(type: Type, id: string): Value | undefined {
    const key = `${type}.${id}`;
    return this.unwritten.has(key) ? this.unwritten.get(key) : this.cache.get(key)?.value;
  }

  private remember(type: Type, id: string, value: Value): void {
    if (CACHED_TYPES.includes(type)) this.cache.set(`${type}.${id}`, { value: value ?? null });
  }

  private begin(): Batch {
    const batch: Batch = { data: {}, written: deferred() };
    const before = this.last;
    this.last = batch.written.promise;
    this.last.catch(() => undefined);
    void this.write(batch, before);
    return batch;
  }

  /** One batch after the other: what a later one holds may stand on an earlier one. */
  private async write(batch: Batch, before: Promise<void>): Promise<void> {
    try {
      await before;
      await turn();
      this.next = undefined;
      await this.keys.set(batch.data as SignalDataSet);
      for (const [type, entries] of Object.entries(batch.data)) {
        for (const [id, value] of Object.entries(entries)) {
          const key = `${type}.${id}`;
          if (this.unwritten.get(key) === (value ?? null)) this.unwritten.delete(key);
        }
      }
      batch.written.resolve();
    } catch (error) {
      this.failure ??= error;
      batch.written.reject(error);
    }
  }
}

function forgetOldChains({ _sessions }: StoredSessions): void {
  for (const { _chains } of Object.values(_sessions)) {
    const received = Object.keys(_chains).filter((key) => _chains[key]!.chainType === RECEIVING);
    for (const key of received.slice(0, -CHAINS)) delete _chains[key];
  }
}
