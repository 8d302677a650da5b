/* All with the chat's row locked by an earlier statement, so that what they read of it is the newest, and the id is made under the lock. */

/** A timeline of one entry. */
const timeline = (status: string): string =>
  `jsonb_build_array(jsonb_build_object('status', '${status}', 'at', to_jsonb(clock_timestamp())))`;

/** The new message's id and number. Its time of creation is that in the id, so that a range of times is a range of ids. */
const NEW = `
  new AS MATERIALIZED (
    SELECT message_id_after(last_message_id) AS id, last_seq + 1 AS seq FROM chats WHERE merchant_id = $1 AND id = $3
  )`;
/** Nothing when WhatsApp's id was seen before on this channel. */
const SEEN = `
  seen AS (
    INSERT INTO message_ids (merchant_id, channel_id, wa_message_id, message_id) SELECT $1, $2, $4, id FROM new
    ON CONFLICT DO NOTHING RETURNING message_id
  )`;
const REPLY_TO = `(SELECT message_id FROM message_ids WHERE merchant_id = $1 AND channel_id = $2 AND wa_message_id = $9)`;

/** A file that came with it is to be fetched. */
const FETCHING = `
  fetching AS (
    INSERT INTO pending_media (merchant_id, message_id, channel_id) SELECT $1, new.id, $2 FROM new, seen WHERE $8::jsonb IS NOT NULL
  )`;

/** What the bot answers to: START by who has not opted out begins a conversation, whatever else it means. */
const CONSENT = (said: string): string => `
  CASE WHEN ${said} = 'in' AND (SELECT c.opted_out_at IS NULL FROM chats h
                                JOIN contacts c ON c.merchant_id = h.merchant_id AND c.id = h.contact_id
                                WHERE h.merchant_id = $1 AND h.id = $3) THEN NULL ELSE ${said} END`;

/**
 * $1 merchant, $2 channel, $3 chat, $4 WhatsApp's id, $5 type, $6 content, $7 text, $8 media, $9 WhatsApp's id of what it answers,
 * $10 whether the bot answers, $11 what it says about consent.
 */
export const INSERT_INBOUND = `
  WITH ${NEW}, ${SEEN}, chat AS (
    UPDATE chats h SET last_seq = new.seq, unread = h.unread + 1, last_message_id = new.id, last_message_at = clock_timestamp(),
           last_inbound_at = clock_timestamp(), last_inbound_wa_id = $4
    FROM new, seen WHERE h.merchant_id = $1 AND h.id = $3
  ), message AS (
    INSERT INTO messages (merchant_id, id, chat_id, channel_id, seq, direction, type, content, text, status, timeline, wa_message_id,
                          media, reply_to, created_at)
    SELECT $1, new.id, $3, $2, new.seq, 'inbound', $5, $6, $7, 'received', ${timeline('received')}, $4, $8, ${REPLY_TO},
           uuid_extract_timestamp(new.id) FROM new, seen
  ), pending AS (
    INSERT INTO pending_answers (merchant_id, chat_id, seq, message_id, consent)
    SELECT $1, $3, new.seq, new.id, ${CONSENT('$11')} FROM new, seen WHERE $10
  ), ${FETCHING}
  SELECT message_id AS id FROM seen`;

/** As `INSERT_INBOUND`, up to $9: a message that went out without us. */
export const INSERT_ELSEWHERE = `
  WITH ${NEW}, ${SEEN}, chat AS (
    UPDATE chats h SET last_seq = new.seq, last_message_id = new.id, last_message_at = clock_timestamp(),
           begun_by = coalesce(h.begun_by, new.id)
    FROM new, seen WHERE h.merchant_id = $1 AND h.id = $3
  ), message AS (
    INSERT INTO messages (merchant_id, id, chat_id, channel_id, seq, direction, type, content, text, status, timeline, wa_message_id,
                          media, reply_to, created_at)
    SELECT $1, new.id, $3, $2, new.seq, 'outbound', $5, $6, $7, 'sent', ${timeline('sent')}, $4, $8, ${REPLY_TO},
           uuid_extract_timestamp(new.id) FROM new, seen
  ), ${FETCHING}
  SELECT message_id AS id FROM seen`;

/**
 * $1 merchant, $2 channel, $3 chat, $4 type, $5 content, $6 text, $7 our id of what it answers, $8 category, $9 not before,
 * $10 shard, $11 whether what is offered changes, $12 what is offered, $13 the file that goes with it, $14 the template that it was made of,
 * $15 its version, $16 what Meta is sent in its place when the window is closed, $17 the part of the text that no event
 * repeats.
 */
export const INSERT_OUTBOUND = `
  WITH ${NEW}, chat AS (
    UPDATE chats h SET last_seq = new.seq, last_message_id = new.id, last_message_at = clock_timestamp(),
           offer = CASE WHEN $11 THEN $12::jsonb ELSE h.offer END
    FROM new WHERE h.merchant_id = $1 AND h.id = $3
  ), message AS (
    INSERT INTO messages (merchant_id, id, chat_id, channel_id, seq, direction, type, content, text, category, status, timeline,
                          reply_to, scheduled_for, created_at, template_id, template_version, cloud_template, secret)
    SELECT $1, new.id, $3, $2, new.seq, 'outbound', $4, $5, $6, $8, 'queued', ${timeline('queued')}, $7, $9::timestamptz,
           uuid_extract_timestamp(new.id), $14, $15, $16, $17 FROM new
  ), pending AS (
    INSERT INTO pending_sends (merchant_id, chat_id, seq, message_id, channel_id, shard, due_at, ring_at, scheduled_for, media_id)
    SELECT $1, $3, new.seq, new.id, $2, $10, coalesce($9, now()), coalesce($9, now() + interval '10 seconds'), $9, $13 FROM new
  )
  SELECT id FROM new`;

/** A message that has become readable. $1 merchant, $2 our id, $3 chat, $4 number, $5 what it says about consent. */
export const INSERT_PENDING_ANSWER = `
  INSERT INTO pending_answers (merchant_id, chat_id, seq, message_id, consent) VALUES ($1, $3, $4, $2, ${CONSENT('$5')})`;

/** $1 merchant, $2 channel, $3 WhatsApp's id, $4 direction, $5 type, $6 content, $7 text, $8 media, $9 WhatsApp's id of what it answers. */
export const REPLACE_PLACEHOLDER = `
  WITH filled AS (
  UPDATE messages m SET type = $5, content = $6, text = $7, media = $8, reply_to = ${REPLY_TO}
  FROM message_ids i
  WHERE i.merchant_id = $1 AND i.channel_id = $2 AND i.wa_message_id = $3 AND m.merchant_id = $1 AND m.id = i.message_id
    AND m.direction = $4 AND m.type = 'unsupported' AND m.content #>> '{unsupported,what}' = 'undecryptable'
  RETURNING m.id, m.chat_id, m.seq
  ), fetching AS (
    INSERT INTO pending_media (merchant_id, message_id, channel_id) SELECT $1, id, $2 FROM filled WHERE $8::jsonb IS NOT NULL
    ON CONFLICT DO NOTHING
  )
  SELECT id, chat_id, seq FROM filled`;
