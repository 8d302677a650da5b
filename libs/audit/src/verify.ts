import type { SystemDb } from '@soko/database';

export interface ChainVerdict {
  merchantId: string;
  /** Entries that the chain should have. */
  length: number;
  /** The chain's last hash: noted elsewhere, it proves later that nothing up to here was changed. */
  head: string;
  /** The first link that does not hold, and why. */
  broken?: { seq: number; why: string };
}

interface Chain {
  length: number;
  head: Buffer;
  /** Of the first link that does not hold. */
  seq: number | null;
  why: string | null;
}

const MERCHANTS = 500;

/**
 * Follows every merchant's chain from its first entry to its head. A changed, removed, added or moved entry breaks it, and so
 * does a cut at the end. Whoever can rewrite whole chains and their heads is caught only by a head that was noted elsewhere.
 */
export async function* verifyChains(system: SystemDb): AsyncGenerator<ChainVerdict> {
  let after = '00000000-0000-0000-0000-000000000000';
  // The platform's own chain has the lowest id there is.
  for (let first = true; ; first = false) {
    const merchants = await system.query<{ merchant_id: string }>(
      `SELECT merchant_id FROM audit_heads WHERE merchant_id > $1 OR ($2 AND merchant_id = $1)
       ORDER BY merchant_id LIMIT ${MERCHANTS}`,
      [after, first],
    );
    for (const { merchant_id: merchantId } of merchants) {
      const [chain] = await system.query<Chain>(CHAIN, [merchantId]);
      if (!chain) continue; // Its head went meanwhile: told below.
      const { length, head, seq, why } = chain;
      yield { merchantId, length, head: head.toString('hex'), ...(seq !== null && why ? { broken: { seq, why } } : {}) };
    }
    if (merchants.length < MERCHANTS) break;
    after = merchants.at(-1)!.merchant_id;
  }
  const headless = await system.query<{ merchant_id: string }>(
    `SELECT DISTINCT merchant_id FROM audit_logs l WHERE NOT EXISTS (SELECT FROM audit_heads h WHERE h.merchant_id = l.merchant_id)`,
  );
  for (const { merchant_id: merchantId } of headless)
    yield { merchantId, length: 0, head: '', broken: { seq: 1, why: 'the chain has no head' } };
}

/** Head and entries of $1 in one statement, which sees both as of one moment: merchants work while this runs. */
const CHAIN = `
  WITH head AS (SELECT merchant_id, seq, hash FROM audit_heads WHERE merchant_id = $1),
  links AS (
    SELECT l.seq, row_number() OVER w AS place, l.hash, audit_hash(l) AS right_hash, l.prev_hash,
           coalesce(lag(l.hash) OVER w, ''::bytea) AS hash_before
    FROM audit_logs l WHERE l.merchant_id = $1 WINDOW w AS (ORDER BY l.seq)
  ), last AS (SELECT coalesce(max(seq), 0) AS seq, (array_agg(hash ORDER BY seq DESC))[1] AS hash FROM links),
  faults AS (
    SELECT place AS seq, 'an entry is missing' AS why FROM links WHERE seq <> place
    UNION ALL SELECT seq, 'the entry was changed' FROM links WHERE hash <> right_hash
    UNION ALL SELECT seq, 'the entry before it was replaced' FROM links WHERE prev_hash <> hash_before
    UNION ALL SELECT last.seq + 1, 'entries at the end are missing' FROM last, head WHERE last.seq < head.seq
    UNION ALL SELECT head.seq + 1, 'there are entries after the end' FROM last, head WHERE last.seq > head.seq
    UNION ALL SELECT last.seq, 'the last entry is not the one that was written' FROM last, head
              WHERE last.seq = head.seq AND last.hash <> head.hash
  )
  SELECT head.seq AS length, head.hash AS head, fault.seq, fault.why
  FROM head LEFT JOIN (SELECT * FROM faults ORDER BY seq LIMIT 1) AS fault ON true`;
