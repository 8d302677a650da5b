CREATE TABLE channels (
  merchant_id       uuid NOT NULL REFERENCES merchants,
  id                uuid NOT NULL DEFAULT uuidv7(),
  name              text NOT NULL,
  kind              text NOT NULL CHECK (kind IN ('simulator', 'cloud', 'baileys')),
  phone             text,
  is_default        boolean NOT NULL DEFAULT false,
  shard             int NOT NULL,
  -- What the merchant wants, and what the gateway has.
  desired           text NOT NULL DEFAULT 'disconnected' CHECK (desired IN ('connected', 'disconnected')),
  status            text NOT NULL DEFAULT 'disconnected'
                    CHECK (status IN ('disconnected', 'connecting', 'awaiting_scan', 'connected', 'logged_out', 'failed')),
  reason            text,
  fence             bigint NOT NULL DEFAULT 0,
  last_connected_at timestamptz,
  created_at        timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, id)
);
CREATE UNIQUE INDEX channels_default ON channels (merchant_id) WHERE is_default;
CREATE INDEX channels_shard ON channels (shard);
SELECT protect_tenant_table('channels');
SELECT allow_system('channels', 'SELECT');

-- A gateway hears of a changed wish at once, not at its next look.
CREATE FUNCTION notify_gateway() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('soko_channels', NEW.shard::text);
  RETURN NULL;
END $$;
CREATE TRIGGER channels_notify AFTER INSERT OR UPDATE OF desired ON channels FOR EACH ROW EXECUTE FUNCTION notify_gateway();

CREATE TABLE contacts (
  merchant_id uuid NOT NULL REFERENCES merchants,
  id          uuid NOT NULL DEFAULT uuidv7(),
  phone       text NOT NULL,
  name        text,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, id),
  UNIQUE (merchant_id, phone)
);
SELECT protect_tenant_table('contacts');

-- `last_seq` numbers a chat's messages under the row's lock: the order of acceptance, whatever the clocks say.
CREATE TABLE chats (
  merchant_id       uuid NOT NULL,
  id                uuid NOT NULL DEFAULT uuidv7(),
  channel_id        uuid NOT NULL,
  contact_id        uuid NOT NULL,
  last_seq          bigint NOT NULL DEFAULT 0,
  unread            int NOT NULL DEFAULT 0,
  bot_paused        boolean NOT NULL DEFAULT false,
  last_message_id   uuid,
  last_message_at   timestamptz NOT NULL DEFAULT now(),
  created_at        timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, id),
  UNIQUE (merchant_id, channel_id, contact_id),
  FOREIGN KEY (merchant_id, channel_id) REFERENCES channels (merchant_id, id),
  FOREIGN KEY (merchant_id, contact_id) REFERENCES contacts (merchant_id, id)
) WITH (fillfactor = 80);
CREATE INDEX chats_activity ON chats (merchant_id, last_message_at DESC, id DESC);
SELECT protect_tenant_table('chats');

CREATE TABLE messages (
  merchant_id   uuid NOT NULL,
  id            uuid NOT NULL DEFAULT uuidv7(),
  chat_id       uuid NOT NULL,
  channel_id    uuid NOT NULL,
  seq           bigint NOT NULL,
  direction     text NOT NULL CHECK (direction IN ('inbound', 'outbound')),
  type          text NOT NULL,
  content       jsonb NOT NULL,
  text          text NOT NULL,
  status        text NOT NULL CHECK (status IN ('queued', 'sending', 'sent', 'delivered', 'read', 'failed', 'received')),
  timeline      jsonb NOT NULL,
  error         jsonb,
  wa_message_id text,
  reply_to      uuid,
  created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (merchant_id, id),
  UNIQUE (merchant_id, chat_id, seq),
  FOREIGN KEY (merchant_id, chat_id) REFERENCES chats (merchant_id, id)
) WITH (fillfactor = 85);
SELECT protect_tenant_table('messages');

-- One row for each WhatsApp id ever seen on a channel, in either direction: what makes a repeated delivery harmless and
-- leads from a receipt to its message.
CREATE TABLE message_ids (
  merchant_id   uuid NOT NULL,
  channel_id    uuid NOT NULL,
  wa_message_id text NOT NULL,
  message_id    uuid NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, channel_id, wa_message_id),
  FOREIGN KEY (merchant_id, channel_id) REFERENCES channels (merchant_id, id)
);
SELECT protect_tenant_table('message_ids');

-- Outbound messages that have not left yet.
CREATE TABLE pending_sends (
  merchant_id uuid NOT NULL,
  chat_id     uuid NOT NULL,
  seq         bigint NOT NULL,
  message_id  uuid NOT NULL,
  channel_id  uuid NOT NULL,
  shard       int NOT NULL,
  attempts    int NOT NULL DEFAULT 0,
  due_at      timestamptz NOT NULL DEFAULT now(),
  ring_at     timestamptz NOT NULL DEFAULT now() + interval '10 seconds',
  PRIMARY KEY (merchant_id, chat_id, seq),
  FOREIGN KEY (merchant_id, message_id) REFERENCES messages (merchant_id, id)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX pending_sends_ring ON pending_sends (ring_at);
SELECT protect_tenant_table('pending_sends');
SELECT allow_system('pending_sends', 'SELECT, UPDATE');

-- Inbound messages that the bot has not answered yet.
CREATE TABLE pending_answers (
  merchant_id uuid NOT NULL,
  chat_id     uuid NOT NULL,
  seq         bigint NOT NULL,
  message_id  uuid NOT NULL,
  attempts    int NOT NULL DEFAULT 0,
  due_at      timestamptz NOT NULL DEFAULT now(),
  ring_at     timestamptz NOT NULL DEFAULT now() + interval '10 seconds',
  PRIMARY KEY (merchant_id, chat_id, seq),
  FOREIGN KEY (merchant_id, message_id) REFERENCES messages (merchant_id, id)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX pending_answers_ring ON pending_answers (ring_at);
SELECT protect_tenant_table('pending_answers');
SELECT allow_system('pending_answers', 'SELECT, UPDATE');

-- Where a conversation with the bot stands.
CREATE TABLE conversations (
  merchant_id uuid NOT NULL,
  chat_id     uuid NOT NULL,
  state       jsonb NOT NULL,
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, chat_id),
  FOREIGN KEY (merchant_id, chat_id) REFERENCES chats (merchant_id, id)
);
SELECT protect_tenant_table('conversations');

-- What simulated phones hold. The key is WhatsApp's promise: a message id arrives once, however often it is sent.
CREATE TABLE simulator_messages (
  merchant_id   uuid NOT NULL,
  channel_id    uuid NOT NULL,
  wa_message_id text NOT NULL,
  phone         text NOT NULL,
  seq           bigint GENERATED ALWAYS AS IDENTITY,
  content       jsonb NOT NULL,
  text          text NOT NULL,
  status        text NOT NULL DEFAULT 'sent' CHECK (status IN ('sent', 'delivered', 'read')),
  received_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (merchant_id, channel_id, wa_message_id),
  FOREIGN KEY (merchant_id, channel_id) REFERENCES channels (merchant_id, id)
);
CREATE INDEX simulator_messages_phone ON simulator_messages (merchant_id, channel_id, phone, seq);
SELECT protect_tenant_table('simulator_messages');
