-- Channels of every kind with their secrets and sessions, what they receive before it is understood, and messages by week.

-- Before its first ANALYZE a table is taken to hold one row of any merchant, and any index that begins with the merchant is as good as
-- its key: then each look at one chat goes through all of them. So a new table says that all its rows are one merchant's.
CREATE FUNCTION expect_rows(tbl regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_restore_attribute_stats('schemaname', n.nspname::text, 'relname', c.relname::text, 'attname', 'merchant_id', 'inherited', false,
                                     'version', 180000, 'null_frac', 0::real, 'avg_width', 16, 'n_distinct', 1::real)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = tbl AND c.relkind = 'r' AND c.reltuples < 0
    AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = tbl AND attname = 'merchant_id');
END $$;
SELECT expect_rows(oid) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace;

CREATE OR REPLACE FUNCTION protect_tenant_table(tbl regclass, tenant_column text DEFAULT 'merchant_id') RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  rule text := format('%I = nullif(current_setting(''app.merchant_id'', true), '''')::uuid', tenant_column);
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tbl);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', tbl);
  EXECUTE format('CREATE POLICY tenant ON %s TO soko_app USING (%s) WITH CHECK (%s)', tbl, rule, rule);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO soko_app', tbl);
  PERFORM expect_rows(tbl);
END $$;

-- The owner moves rows below, and forced policies would show it none.
ALTER TABLE channels NO FORCE ROW LEVEL SECURITY;
ALTER TABLE chats NO FORCE ROW LEVEL SECURITY;
ALTER TABLE messages NO FORCE ROW LEVEL SECURITY;
ALTER TABLE pending_sends NO FORCE ROW LEVEL SECURITY;

-- `wish` grows with every command about the channel, so that the same command given again is heard again.
ALTER TABLE channels DROP CONSTRAINT channels_desired_check;
ALTER TABLE channels
  ADD CONSTRAINT channels_desired_check CHECK (desired IN ('connected', 'disconnected', 'logged_out')),
  ADD COLUMN wish bigint NOT NULL DEFAULT 1,
  ADD COLUMN config jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN secrets sealed,
  ADD COLUMN deleted_at timestamptz,
  ADD CONSTRAINT channels_cloud_has_secrets CHECK (kind <> 'cloud' OR secrets IS NOT NULL OR deleted_at IS NOT NULL);
GRANT UPDATE ON channels TO soko_system;
-- Inbound webhooks name the channel alone.
CREATE INDEX channels_id ON channels USING hash (id);
DROP TRIGGER channels_notify ON channels;
CREATE TRIGGER channels_notify AFTER INSERT OR UPDATE OF desired, wish, config, secrets ON channels
  FOR EACH ROW EXECUTE FUNCTION notify_gateway();

DROP TRIGGER audit ON channels;
SELECT audit_table('channels', 'channel', '{status,reason,fence,last_connected_at,wish}');

-- What changes by itself while a channel lives; decisions about it stand in `channels`, which is audited.
CREATE TABLE channel_states (
  merchant_id      uuid NOT NULL,
  channel_id       uuid NOT NULL,
  -- Linking: the number that a pairing code is wanted for, and what the phone must scan or be told.
  link_phone       text,
  link_qr          text,
  link_code        text,
  link_expires_at  timestamptz,
  -- The wish that has ended: nothing is opened again before the next one.
  stopped_wish     bigint NOT NULL DEFAULT 0,
  -- WhatsApp refuses new chats until then (error 463); those that exist go on.
  restricted_until timestamptz,
  -- When the network last told us what became of a message.
  heard_at         timestamptz,
  PRIMARY KEY (merchant_id, channel_id),
  FOREIGN KEY (merchant_id, channel_id) REFERENCES channels (merchant_id, id)
) WITH (fillfactor = 70);
INSERT INTO channel_states (merchant_id, channel_id) SELECT merchant_id, id FROM channels;
SELECT protect_tenant_table('channel_states');
SELECT allow_system('channel_states', 'SELECT');

-- A linked device's identity and its Signal keys. Written only under the fence of the shard's lease.
CREATE TABLE baileys_creds (
  merchant_id uuid NOT NULL,
  channel_id  uuid NOT NULL,
  creds       sealed NOT NULL,
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, channel_id),
  FOREIGN KEY (merchant_id, channel_id) REFERENCES channels (merchant_id, id)
) WITH (fillfactor = 70);
SELECT protect_tenant_table('baileys_creds');
SELECT allow_system('baileys_creds', 'SELECT, INSERT, UPDATE, DELETE');
CREATE TABLE baileys_keys (
  merchant_id uuid NOT NULL,
  channel_id  uuid NOT NULL,
  type        text NOT NULL,
  id          text NOT NULL,
  value       sealed NOT NULL,
  PRIMARY KEY (merchant_id, channel_id, type, id),
  FOREIGN KEY (merchant_id, channel_id) REFERENCES channels (merchant_id, id)
) WITH (fillfactor = 80);
SELECT protect_tenant_table('baileys_keys');
SELECT allow_system('baileys_keys', 'SELECT, INSERT, UPDATE, DELETE');

-- What a network has handed over, as it came: written before the network is told that we have it, gone when it is stored.
CREATE TABLE inbound_deliveries (
  merchant_id uuid NOT NULL,
  channel_id  uuid NOT NULL,
  seq         bigint GENERATED ALWAYS AS IDENTITY,
  body        text NOT NULL,
  request_id  text,
  ring_at     timestamptz NOT NULL DEFAULT now() + interval '10 seconds',
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (merchant_id, channel_id, seq),
  FOREIGN KEY (merchant_id, channel_id) REFERENCES channels (merchant_id, id)
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX inbound_deliveries_ring ON inbound_deliveries (ring_at);
SELECT protect_tenant_table('inbound_deliveries');
SELECT allow_system('inbound_deliveries', 'SELECT, INSERT, UPDATE');

-- What was received and could not be stored. Tried again by a schedule, then when ops ask for it; they also discard it. Merchants are
-- shown none of it.
CREATE TABLE dead_letters (
  merchant_id uuid NOT NULL REFERENCES merchants,
  id          uuid NOT NULL DEFAULT uuidv7(),
  kind        text NOT NULL CHECK (kind IN ('inbound_message')),
  subject_id  uuid NOT NULL,               -- what it is about: the channel
  payload     text NOT NULL,
  reason      text NOT NULL,
  attempts    int NOT NULL DEFAULT 0,
  due_at      timestamptz NOT NULL,
  ring_at     timestamptz,                 -- NULL: it rests
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, id)
);
CREATE INDEX dead_letters_ring ON dead_letters (ring_at) WHERE ring_at IS NOT NULL;
CREATE INDEX dead_letters_newest ON dead_letters (id);
SELECT protect_tenant_table('dead_letters');
SELECT allow_system('dead_letters', 'SELECT, UPDATE, DELETE');

-- A breaker around something outside, shared by all processes.
CREATE TABLE breakers (
  name       text PRIMARY KEY,
  state      text NOT NULL DEFAULT 'closed' CHECK (state IN ('closed', 'open', 'half_open')),
  open_until timestamptz,
  trips      int NOT NULL DEFAULT 0,       -- in a row: each opens it for longer
  probes     int NOT NULL DEFAULT 0,       -- given out since it is half open
  reason     text,
  changed_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO breakers (name) VALUES ('whatsapp_cloud');
SELECT allow_system('breakers', 'SELECT, UPDATE');

-- WhatsApp knows people by number, by a hidden id (lid) or by a user id, and not always by all three. `opted_out_at`: wrote STOP.
-- `marketing_stopped_at`: told WhatsApp itself. `blocked_at`: by the merchant's hand. `own_name` is the merchant's, `name` the
-- customer's own. `given_phone` is what a customer without a visible number has told us, for the driver: nobody has proved it, so
-- nobody is ever found by it.
ALTER TABLE contacts
  ALTER COLUMN phone DROP NOT NULL,
  ADD COLUMN lid text,
  ADD COLUMN wa_user_id text,
  ADD COLUMN own_name text,
  ADD COLUMN given_phone text,
  ADD COLUMN opted_out_at timestamptz,
  ADD COLUMN marketing_stopped_at timestamptz,
  ADD COLUMN blocked_at timestamptz,
  ADD UNIQUE (merchant_id, lid),
  ADD UNIQUE (merchant_id, wa_user_id),
  ADD CONSTRAINT contacts_can_be_reached CHECK (num_nonnulls(phone, lid, wa_user_id) > 0);
-- Of contacts the trail holds decisions of the merchant's people alone; what customers do would fill it.
CREATE CONSTRAINT TRIGGER audit AFTER UPDATE ON contacts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((OLD.own_name, OLD.blocked_at) IS DISTINCT FROM (NEW.own_name, NEW.blocked_at))
  EXECUTE FUNCTION write_audit('contact', 'merchant_id', 'phone', 'lid', 'wa_user_id', 'name', 'given_phone', 'opted_out_at', 'marketing_stopped_at');

ALTER TABLE chats
  ADD COLUMN last_inbound_at timestamptz,
  ADD COLUMN last_inbound_wa_id text,
  -- The options that were offered last, in order: a number or a title that is written back means one of them.
  ADD COLUMN offer jsonb,
  -- WhatsApp's id of the newest message that the customer shall see as read, until the network was told.
  ADD COLUMN read_mark text,
  -- The message of ours that has gone out first, or is about to: what tells a chat that we begin from one that exists.
  ADD COLUMN begun_by uuid;

-- `scheduled_for`: not before, and until then it holds nobody back. `waits`: how often in a row it could not go for a trouble that
-- is not its own. `in_doubt_since`: it may have gone out.
ALTER TABLE pending_sends
  ADD COLUMN scheduled_for timestamptz,
  ADD COLUMN claimed_at timestamptz,
  ADD COLUMN in_doubt_since timestamptz,
  ADD COLUMN waits int NOT NULL DEFAULT 0;
UPDATE pending_sends SET scheduled_for = due_at WHERE attempts = 0 AND due_at > now();
CREATE UNIQUE INDEX pending_sends_message ON pending_sends (merchant_id, message_id);
CREATE INDEX pending_sends_scheduled ON pending_sends (merchant_id, scheduled_for, message_id) WHERE scheduled_for IS NOT NULL;
CREATE INDEX pending_sends_waiting ON pending_sends (merchant_id, channel_id) WHERE waits > 0;
-- What the message changed about consent, so that the bot can answer to that.
ALTER TABLE pending_answers ADD COLUMN consent text CHECK (consent IN ('out', 'in'));
CREATE UNIQUE INDEX pending_answers_message ON pending_answers (merchant_id, message_id);
-- The chat that an order came out of: news of it go there, also to who has no number.
ALTER TABLE orders
  ADD COLUMN chat_id uuid,
  ADD FOREIGN KEY (merchant_id, chat_id) REFERENCES chats (merchant_id, id);
CREATE INDEX orders_chat ON orders (merchant_id, chat_id) WHERE chat_id IS NOT NULL;

-- Messages by week. A UUIDv7 begins with its time, so ranges of ids are ranges of time and the key stays (merchant, id).
CREATE FUNCTION week_floor(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT (lpad(to_hex((extract(epoch FROM date_trunc('week', at, 'UTC')) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- A new message's id, made under the lock of its chat: above the one before it, even when the clock was set back in between.
CREATE FUNCTION message_id_after(last uuid) RETURNS uuid LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  id uuid := uuidv7();
BEGIN
  IF id > last THEN RETURN id; END IF;
  RETURN coalesce(uuidv7(uuid_extract_timestamp(last) - clock_timestamp() + interval '1 millisecond'), id);
END $$;

ALTER TABLE pending_sends DROP CONSTRAINT pending_sends_merchant_id_message_id_fkey;
ALTER TABLE pending_answers DROP CONSTRAINT pending_answers_merchant_id_message_id_fkey;
ALTER TABLE messages RENAME TO messages_before;
CREATE TABLE messages (
  merchant_id   uuid NOT NULL,
  id            uuid NOT NULL,
  chat_id       uuid NOT NULL,
  channel_id    uuid NOT NULL,
  seq           bigint NOT NULL,
  direction     text NOT NULL CHECK (direction IN ('inbound', 'outbound')),
  type          text NOT NULL,
  content       jsonb NOT NULL,
  text          text NOT NULL,
  category      text NOT NULL DEFAULT 'utility' CHECK (category IN ('utility', 'marketing', 'authentication')),
  status        text NOT NULL CHECK (status IN ('queued', 'sending', 'sent', 'delivered', 'read', 'failed', 'cancelled', 'received')),
  timeline      jsonb NOT NULL,
  error         jsonb,
  wa_message_id text,
  reply_to      uuid,
  media         jsonb,                     -- where the network keeps what came with it; shown to nobody
  scheduled_for timestamptz,
  created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (merchant_id, id),
  FOREIGN KEY (merchant_id, chat_id) REFERENCES chats (merchant_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX messages_chat ON messages (merchant_id, chat_id, id);
-- Nothing is lost when nobody made the week's own partition in time.
CREATE TABLE messages_rest PARTITION OF messages DEFAULT WITH (fillfactor = 85);
ALTER TABLE messages_rest ENABLE ROW LEVEL SECURITY;
ALTER TABLE messages_rest FORCE ROW LEVEL SECURITY;

-- Makes the partitions of all weeks from `since` until `until` that have none. Attached and not created in place, so that
-- nobody who reads or writes messages has to wait; only the partition for the rest is locked for a moment, which gives up when
-- somebody has it for long, instead of letting everybody queue behind. @returns how many were made
CREATE FUNCTION make_message_partitions(since timestamptz, until timestamptz) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  week timestamptz;
  name text;
  made int := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('message partitions', 0));
  FOR week IN SELECT generate_series(date_trunc('week', since, 'UTC'), until, interval '7 days') LOOP
    name := to_char(week AT TIME ZONE 'UTC', '"messages_"IYYY"w"IW');
    CONTINUE WHEN to_regclass(name) IS NOT NULL;
    EXECUTE format('CREATE TABLE %I (LIKE messages INCLUDING DEFAULTS INCLUDING CONSTRAINTS) WITH (fillfactor = 85)', name);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE messages ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   name, week_floor(week), week_floor(week + interval '7 days'));
    PERFORM expect_rows(name::regclass);
    made := made + 1;
  END LOOP;
  RETURN made;
END $$;
REVOKE ALL ON FUNCTION make_message_partitions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION make_message_partitions TO soko_system;
SELECT make_message_partitions(coalesce((SELECT min(created_at) FROM messages_before), now()) - interval '7 days', now() + interval '26 weeks');

INSERT INTO messages (merchant_id, id, chat_id, channel_id, seq, direction, type, content, text, status, timeline, error, wa_message_id, reply_to, created_at)
  SELECT merchant_id, id, chat_id, channel_id, seq, direction, type, content, text, status, timeline, error, wa_message_id, reply_to, created_at
  FROM messages_before;
DROP TABLE messages_before;
ALTER TABLE pending_sends ADD FOREIGN KEY (merchant_id, message_id) REFERENCES messages (merchant_id, id);
ALTER TABLE pending_answers ADD FOREIGN KEY (merchant_id, message_id) REFERENCES messages (merchant_id, id);
UPDATE chats h SET last_inbound_at = m.created_at, last_inbound_wa_id = m.wa_message_id FROM (
  SELECT DISTINCT ON (merchant_id, chat_id) merchant_id, chat_id, created_at, wa_message_id FROM messages
  WHERE direction = 'inbound' ORDER BY merchant_id, chat_id, seq DESC
) m WHERE m.merchant_id = h.merchant_id AND m.chat_id = h.id;
UPDATE chats h SET begun_by = m.id FROM (
  SELECT DISTINCT ON (merchant_id, chat_id) merchant_id, chat_id, id FROM messages
  WHERE direction = 'outbound' AND status IN ('sent', 'delivered', 'read') ORDER BY merchant_id, chat_id, seq
) m WHERE m.merchant_id = h.merchant_id AND m.chat_id = h.id;
UPDATE messages m SET scheduled_for = p.scheduled_for FROM pending_sends p
  WHERE m.merchant_id = p.merchant_id AND m.id = p.message_id AND p.scheduled_for IS NOT NULL;
SELECT protect_tenant_table('messages');

ALTER TABLE channels FORCE ROW LEVEL SECURITY;
ALTER TABLE chats FORCE ROW LEVEL SECURITY;
ALTER TABLE pending_sends FORCE ROW LEVEL SECURITY;
