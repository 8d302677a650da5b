import type { SystemDb } from '@soko/database';

/** Makes `holder` hold every shard of 4 for `seconds` (negative: has held it), as a gateway would. */
export async function holdShards(system: SystemDb, { holder = 'gateway-1', fence = 1, seconds = 60 } = {}) {
  await system.run((tx) =>
    tx.query(
      `INSERT INTO gateway_shards (shard, holder, fence, expires_at)
       SELECT shard, $1::text, $2::bigint, now() + $3 * interval '1 second' FROM generate_series(0, 3) AS shard
       ON CONFLICT (shard) DO UPDATE SET holder = excluded.holder, fence = excluded.fence, expires_at = excluded.expires_at`,
      [holder, fence, seconds],
    ),
  );
  return (shard: number) => ({ shard, holder, fence });
}

/** The id that a message of ours has on a wire that takes ours, with this prefix. */
export const ownIdOf = (messageId: string, prefix = 'sim.'): string =>
  prefix + messageId.replaceAll('-', '').slice(-18).toUpperCase();
