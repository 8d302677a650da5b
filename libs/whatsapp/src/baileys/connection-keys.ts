import type { SignalDataSet, SignalDataTypeMap, SignalKeyStore } from '@whiskeysockets/baileys';

/**
 * The Signal keys in the hands of one connection. What is under way when it ends may still be written, for a message that has left must
 * not be encrypted with the same key as the next one; when the next connection begins, the last one writes nothing any more.
 */
export class ConnectionKeys implements SignalKeyStore {
  private readonly writes = new Set<Promise<void>>();
  private retired = false;

  constructor(
    private readonly keys: SignalKeyStore,
    /** The keys could not be read or written. Told before Baileys learns of it, which would take the message for a broken one. */
    private readonly failed: (error: unknown) => void,
  ) {}

  async get<T extends keyof SignalDataTypeMap>(type: T, ids: string[]): Promise<Record<string, SignalDataTypeMap[T]>> {
    try {
      return await this.keys.get(type, ids);
    } catch (error) {
      this.failed(error);
      throw error;
    }
  }

  async set(data: SignalDataSet): Promise<void> {
    if (this.retired) throw new Error('this connection has ended; nothing was written');
    const write = Promise.resolve(this.keys.set(data));
    this.writes.add(write);
    try {
      await write;
    } catch (error) {
      this.failed(error);
      throw error;
    } finally {
      this.writes.delete(write);
    }
  }

  /** Resolves when nothing is being written any more. */
  async retire(): Promise<void> {
    this.retired = true;
    await Promise.allSettled(this.writes);
  }
}
