import type { Sealer, SystemDb } from '@soko/database';
import type { Lease } from '@soko/messaging';
import {
  type AuthenticationCreds,
  BufferJSON,
  proto,
  type SignalDataSet,
  type SignalDataTypeMap,
  type SignalKeyStore,
} from '@whiskeysockets/baileys';
import type { SessionHost, TransportChannel } from '../transport.js';

const CREDS = 'baileys_creds.creds';
const KEYS = 'baileys_keys.value';

/**
 * True only under a lease that surely outlasts the statement: another gateway can take the shard over when it has expired, and not
 * before, and no statement here takes half a second. One statement is one transaction, so a process that is paused cannot leave one open.
 */
const heldFrom = (first: number): string =>
  `SELECT 1 FROM gateway_shards WHERE shard = $${first} AND holder = $${first + 1} AND fence = $${first + 2}
               AND expires_at > clock_timestamp() + interval '500 milliseconds'`;
const FENCE = heldFrom(3);
const HOLDS = heldFrom(1);

const JOURNAL = 'journal';

/** A message to be kept, on its way through Baileys' transaction to the statement that keeps the session it was decrypted with. */
export const journalEntry = (waMessageId: string, body: string): SignalDataSet =>
  ({ [JOURNAL]: { [waMessageId]: body } }) as SignalDataSet;

/** The shard's lease is lost: another gateway may be at work on the session. */
export class FencedError extends Error {
  constructor() {
    super('the lease of this shard is lost; nothing was written');
  }
}

/**
 * The identity and the Signal keys of linked devices: encrypted, and written under the fence of the shard's lease, so that two
 * gateways can never both write one session's keys. By the system's connection, because a session lives in the gateway and not in a
 * request of its merchant; each statement names the merchant and the channel.
 */
export class BaileysAuthStore {
  constructor(
    private readonly db: SystemDb,
    private readonly sealer: Sealer,
  ) {}

  /** Whether the lease is ours in the eyes of everybody else, too: asked before a connection, which would end another gateway's. */
  async holds({ shard, holder, fence }: Lease): Promise<boolean> {
    return (await this.db.query(HOLDS, [shard, holder, fence])).length > 0;
  }

  /** What was kept when the device was linked; nothing when none is. */
  async creds({ merchantId, id }: TransportChannel): Promise<AuthenticationCreds | undefined> {
    const [row] = await this.db.query<{ creds: string }>(
      'SELECT creds FROM baileys_creds WHERE merchant_id = $1 AND channel_id = $2',
      [merchantId, id],
    );
    return row && (JSON.parse(this.sealer.open(row.creds, merchantId, CREDS), BufferJSON.reviver) as AuthenticationCreds);
  }

  /** @throws FencedError */
  async saveCreds({ merchantId, id }: TransportChannel, host: SessionHost, creds: AuthenticationCreds): Promise<void> {
    const sealed = this.sealer.seal(JSON.stringify(creds, BufferJSON.replacer), merchantId, CREDS);
    await this.fenced(
      `WITH held AS MATERIALIZED (${FENCE}), kept AS (
         INSERT INTO baileys_creds (merchant_id, channel_id, creds) SELECT $1, $2, $6 FROM held
         ON CONFLICT (merchant_id, channel_id) DO UPDATE SET creds = excluded.creds, updated_at = now()
       ) SELECT 1 FROM held`,
      [merchantId, id],
      host.lease(),
      [sealed],
    );
  }

  /** Forgets the device. @throws FencedError */
  async wipe({ merchantId, id }: TransportChannel, lease: Lease | undefined): Promise<void> {
    await this.fenced(
      `WITH held AS MATERIALIZED (${FENCE}), creds AS (
         DELETE FROM baileys_creds USING held WHERE merchant_id = $1 AND channel_id = $2
       ), keys AS (
         DELETE FROM baileys_keys USING held WHERE merchant_id = $1 AND channel_id = $2
       ) SELECT 1 FROM held`,
      [merchantId, id],
      lease,
      [],
    );
  }

  /**
   * The Signal keys, as Baileys asks for them.
   * @param settled is waited for before pre-keys are written. @param journalled is told when messages were kept.
   */
  keys(channel: TransportChannel, host: SessionHost, settled: () => Promise<void>, journalled: () => void): SignalKeyStore {
    return {
      get: (type, ids) => this.get(channel, type, ids),
      set: async (data) => {
        // Numbers of pre-keys stand in the creds: kept late, the next start would give the same numbers to other keys.
        if (data['pre-key']) await settled();
        await this.set(channel, host.lease(), data);
        if (JOURNAL in data) journalled();
      },
    };
  }

  private async get<T extends keyof SignalDataTypeMap>(
    { merchantId, id }: TransportChannel,
    type: T,
    ids: string[],
  ): Promise<Record<string, SignalDataTypeMap[T]>> {
    const rows = await this.db.query<{ id: string; value: string }>(
      'SELECT id, value FROM baileys_keys WHERE merchant_id = $1 AND channel_id = $2 AND type = $3 AND id = ANY($4)',
      [merchantId, id, type, ids],
    );
    return Object.fromEntries(rows.map((row) => [row.id, this.opened(type, this.sealer.open(row.value, merchantId, KEYS))]));
  }

  private opened<T extends keyof SignalDataTypeMap>(type: T, text: string): SignalDataTypeMap[T] {
    const value = JSON.parse(text, BufferJSON.reviver) as SignalDataTypeMap[T];
    return type === 'app-state-sync-key'
      ? (proto.Message.AppStateSyncKeyData.fromObject(value as object) as unknown as SignalDataTypeMap[T])
      : value;
  }

  private async set({ merchantId, id }: TransportChannel, lease: Lease | undefined, data: SignalDataSet): Promise<void> {
    const kept: [string, string, string][] = [];
    const gone: [string, string][] = [];
    const journal: string[] = [];
    for (const [type, entries] of Object.entries(data)) {
      for (const [key, value] of Object.entries(entries ?? {})) {
        if (type === JOURNAL) journal.push(String(value));
        else if (value === null || value === undefined) gone.push([type, key]);
        else kept.push([type, key, this.sealer.seal(JSON.stringify(value, BufferJSON.replacer), merchantId, KEYS)]);
      }
    }
    await this.fenced(
      `WITH held AS MATERIALIZED (${FENCE}), gone AS (
         DELETE FROM baileys_keys k USING held, unnest($6::text[], $7::text[]) AS old (type, id)
         WHERE k.merchant_id = $1 AND k.channel_id = $2 AND k.type = old.type AND k.id = old.id
       ), kept AS (
         INSERT INTO baileys_keys (merchant_id, channel_id, type, id, value)
         SELECT $1, $2, fresh.type, fresh.id, fresh.value FROM held, unnest($8::text[], $9::text[], $10::text[]) AS fresh (type, id, value)
         ON CONFLICT (merchant_id, channel_id, type, id) DO UPDATE SET value = excluded.value
       ), journal AS (
         INSERT INTO inbound_deliveries (merchant_id, channel_id, body) SELECT $1, $2, body FROM held, unnest($11::text[]) AS body
       ) SELECT 1 FROM held`,
      [merchantId, id],
      lease,
      [...columns(gone, 2), ...columns(kept, 3), journal],
    );
  }

  private async fenced(sql: string, key: string[], lease: Lease | undefined, values: unknown[]): Promise<void> {
    if (!lease) throw new FencedError();
    const held = await this.db.query(sql, [...key, lease.shard, lease.holder, lease.fence, ...values]);
    if (held.length === 0) throw new FencedError();
  }
}

/** Rows as `width` columns, for unnest. */
const columns = (rows: string[][], width: number): string[][] =>
  Array.from({ length: width }, (_, at) => rows.map((row) => row[at]!));
