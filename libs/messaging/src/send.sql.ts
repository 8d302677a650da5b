/** Nothing is taken up again so soon after it was in doubt, however talkative the network is. */
const DOUBT_SECONDS = 60;
/** Statuses come within seconds or, when Meta's webhooks back up, within minutes. Whoever waits longer keeps a customer waiting. */
const MOST_DOUBT = '15 minutes';

/** What events tell of a message `m`: the secret in it is for the customer alone. */
export const TOLD_TEXT = `CASE WHEN m.secret IS NULL THEN m.text ELSE replace(m.text, m.secret, '••••') END AS text`;

/** One entry of a timeline; `status` is an SQL expression. */
export const entry = (status: string): string => `jsonb_build_object('status', ${status}, 'at', to_jsonb(clock_timestamp()))`;

/**
 * $1 merchant, $2 chat, $3 shard, $4 holder, $5 fence. With the chat locked.
 *
 * One that is in doubt is due again when the network has told us of other messages since it was given away, and not of this one;
 * or, when it says nothing at all, after the longest time. Locked as it is looked for, so that one that a receipt takes away at
 * this moment is passed over for the next.
 */
export const CLAIM = `
  WITH head AS (
    SELECT message_id, channel_id, due_at, claimed_at, in_doubt_since FROM pending_sends
    WHERE merchant_id = $1 AND chat_id = $2 AND (scheduled_for IS NULL OR scheduled_for <= now())
    ORDER BY seq LIMIT 1 FOR UPDATE
  )
  UPDATE pending_sends p SET attempts = p.attempts + 1, claimed_at = now(), in_doubt_since = NULL, ring_at = now() + interval '30 seconds'
  FROM head, gateway_shards s
  WHERE p.merchant_id = $1 AND p.message_id = head.message_id AND head.due_at <= now()
    AND (head.in_doubt_since IS NULL OR head.in_doubt_since <= now() - interval '${MOST_DOUBT}'
         OR EXISTS (SELECT FROM channel_states t WHERE t.merchant_id = $1 AND t.channel_id = head.channel_id
                    AND t.heard_at > head.claimed_at))
    AND s.shard = $3 AND s.holder = $4 AND s.fence = $5 AND s.expires_at > now()
  RETURNING p.message_id, p.seq, p.attempts, p.attempts = 1 AND p.scheduled_for IS NOT NULL AS scheduled`;

/**
 * $1 merchant, $2 message, $3 prefix of our own ids. By the id alone, and apart from the claim: only of a parameter does PostgreSQL
 * know beforehand in which partition it lies, and does not open all the others.
 */
export const MARK_CLAIMED = `
  WITH claimed AS (
    UPDATE messages m SET wa_message_id = coalesce(m.wa_message_id, $3::text || upper(right(replace(m.id::text, '-', ''), 18))),
      status = CASE WHEN m.status = 'queued' THEN 'sending' ELSE m.status END,
      timeline = CASE WHEN m.status = 'queued' THEN m.timeline || ${entry("'sending'")} ELSE m.timeline END
    WHERE m.merchant_id = $1 AND m.id = $2
    RETURNING m.channel_id, m.content, m.category, m.wa_message_id, m.reply_to, m.cloud_template
  ), known AS (
    INSERT INTO message_ids (merchant_id, channel_id, wa_message_id, message_id)
    SELECT $1, channel_id, wa_message_id, $2 FROM claimed WHERE wa_message_id IS NOT NULL ON CONFLICT DO NOTHING
  )
  SELECT channel_id, content, category, wa_message_id, reply_to, cloud_template FROM claimed`;

/** $1 merchant, $2 the message that is answered. */
export const ANSWERED = `
  SELECT wa_message_id, direction, text FROM messages WHERE merchant_id = $1 AND id = $2 AND wa_message_id IS NOT NULL`;

/**
 * $1 merchant, $2 message, $3 WhatsApp's id, $4 channel, $5 chat. The chat is locked first, as everywhere, if it is there still.
 * Known by that id also when a receipt was quicker: it may be a second one.
 */
export const SENT = `
  WITH chat AS MATERIALIZED (
    SELECT id FROM chats WHERE merchant_id = $1 AND id = $5 FOR UPDATE
  ), known AS (
    INSERT INTO message_ids (merchant_id, channel_id, wa_message_id, message_id) VALUES ($1, $4, $3, $2) ON CONFLICT DO NOTHING
  ), gone AS (
    DELETE FROM pending_sends WHERE merchant_id = $1 AND message_id = $2 AND (SELECT count(*) FROM chat) >= 0 RETURNING 1
  )
  UPDATE messages m SET wa_message_id = $3, error = NULL,
    status = CASE WHEN m.status = 'sending' THEN 'sent' ELSE m.status END,
    timeline = CASE WHEN m.status = 'sending' THEN m.timeline || ${entry("'sent'")} ELSE m.timeline END
  FROM gone WHERE m.merchant_id = $1 AND m.id = $2 RETURNING m.type, ${TOLD_TEXT}`;

/** $1 merchant, $2 message, $3 the attempt, $4 why. Of an attempt that was given up for a later one nobody wants to know. */
export const FAIL = `
  WITH gone AS (
    DELETE FROM pending_sends WHERE merchant_id = $1 AND message_id = $2 AND attempts = $3 RETURNING 1
  )
  UPDATE messages m SET status = 'failed', error = $4, timeline = m.timeline || ${entry("'failed'")}
  FROM gone WHERE m.merchant_id = $1 AND m.id = $2 AND m.status = 'sending' RETURNING m.type, ${TOLD_TEXT}`;

/**
 * $1 merchant, $2 message, $3 the attempt, $4 why, $5 whether the attempt counts, $6 how long in ms, $7 how long at first and $8
 * at most when that is not said: twice as long each time in a row, as nobody knows how long the trouble lasts.
 */
export const PUT_OFF = `
  WITH waiting AS (
    UPDATE pending_sends p SET attempts = CASE WHEN $5 THEN attempts ELSE attempts - 1 END,
      waits = CASE WHEN $5 THEN 0 ELSE waits + 1 END, due_at = next.at, ring_at = next.at
    FROM (SELECT message_id, now() + coalesce($6, least($7 * 2 ^ least(waits, 20), $8) * (0.8 + 0.4 * random())) * interval '1 ms' AS at
          FROM pending_sends WHERE merchant_id = $1 AND message_id = $2) AS next
    WHERE p.merchant_id = $1 AND p.message_id = next.message_id AND p.attempts = $3 RETURNING 1
  )
  UPDATE messages m SET error = $4 FROM waiting WHERE m.merchant_id = $1 AND m.id = $2`;

/** $1 merchant, $2 message, $3 the attempt, $4 why. */
export const DOUBT = `
  WITH waiting AS (
    UPDATE pending_sends SET in_doubt_since = now(), waits = 0, due_at = now() + interval '${DOUBT_SECONDS} seconds',
      ring_at = now() + interval '${DOUBT_SECONDS} seconds'
    WHERE merchant_id = $1 AND message_id = $2 AND attempts = $3 RETURNING 1
  )
  UPDATE messages m SET error = $4 FROM waiting WHERE m.merchant_id = $1 AND m.id = $2`;
