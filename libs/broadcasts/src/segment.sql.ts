import type { Segment } from './broadcasts.dto.js';

/** An order that came to nothing is none. */
const LAST = (from: string): string =>
  `(SELECT max(o.created_at) FROM ${from} WHERE o.merchant_id = $1 AND o.status NOT IN ('rejected', 'cancelled')`;

/**
 * Contacts `c` that are in the segment. $1 merchant, $2 tags, $3 languages, $4 whether they have ordered, $5 and $6 when last.
 * The one place outside of orders that looks for them by customer: under the customer's own number, and in their chats. Where nobody
 * asks about orders none is looked for. Who has told us no language is spoken to in the merchant's, and counts as such.
 */
export const SEGMENT = `
  FROM contacts c
  JOIN merchants s ON s.id = c.merchant_id
  LEFT JOIN LATERAL (
    SELECT greatest(
      ${LAST('orders o')} AND o.customer_phone = c.phone),
      ${LAST('orders o JOIN chats h ON h.merchant_id = o.merchant_id AND h.id = o.chat_id')} AND h.contact_id = c.id)
    ) AS at WHERE num_nonnulls($4::bool, $5::timestamptz, $6::timestamptz) > 0
  ) AS last_order ON true
  WHERE c.merchant_id = $1 AND ($2::text[] IS NULL OR c.tags && $2)
    AND ($3::text[] IS NULL OR coalesce(c.language, split_part(s.locale, '-', 1)) = ANY ($3))
    AND ($4::bool IS NULL OR (last_order.at IS NOT NULL) = $4)
    AND ($5::timestamptz IS NULL OR last_order.at >= $5) AND ($6::timestamptz IS NULL OR last_order.at < $6)`;

export const segmentValues = (merchantId: string, segment: Segment): unknown[] => [
  merchantId,
  segment.tags ?? null,
  segment.languages ?? null,
  segment.hasOrdered ?? null,
  timeOf(segment.orderedSince),
  timeOf(segment.orderedBefore),
];

const timeOf = (time?: string): Date | null => (time ? new Date(time) : null);

/** Why a contact `c` gets nothing; NULL when nothing stands in the way. Of the parameters $1 is the merchant. */
export const obstacle = (channel: string, category: string): string => `
  CASE WHEN c.blocked_at IS NOT NULL THEN 'blocked' WHEN c.opted_out_at IS NOT NULL THEN 'opted_out'
       WHEN ${category}::text = 'marketing' AND c.marketing_stopped_at IS NOT NULL THEN 'marketing_stopped'
       WHEN ${category}::text = 'marketing' AND c.opted_in_at IS NULL THEN 'not_opted_in'
       WHEN c.phone IS NULL AND NOT EXISTS (
         SELECT FROM chats x WHERE x.merchant_id = $1 AND x.channel_id = ${channel} AND x.contact_id = c.id
       ) THEN 'unreachable' END`;

/** The reasons by name, as people read them. */
export const OBSTACLES = {
  blocked: 'The customer is blocked.',
  opted_out: 'The customer wrote STOP.',
  marketing_stopped: 'The customer told WhatsApp to stop the marketing.',
  not_opted_in: 'The customer has not agreed to marketing.',
  unreachable: 'WhatsApp hides the customer’s number, and they have never written to this channel.',
} as const;
export type Obstacle = keyof typeof OBSTACLES;
