-- One message to many people: who has agreed to that, what merchants note about their customers, and what becomes of each message.

ALTER TABLE contacts
  -- The merchant's notes, by which some of many are written to.
  ADD COLUMN tags text[] NOT NULL DEFAULT '{}',
  -- The customer has agreed to marketing, and where, in the merchant's words; in none: here in the chat.
  ADD COLUMN opted_in_at timestamptz,
  ADD COLUMN opt_in_source text,
  ADD CONSTRAINT contacts_agree_or_do_not CHECK (opted_in_at IS NULL OR opted_out_at IS NULL),
  ADD CONSTRAINT contacts_agree_somewhere CHECK (opt_in_source IS NULL OR opted_in_at IS NOT NULL);
-- What the merchant's people note and decide is in the trail; what customers say themselves is not.
DROP TRIGGER audit ON contacts;
CREATE CONSTRAINT TRIGGER audit AFTER UPDATE ON contacts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((OLD.own_name, OLD.blocked_at, OLD.tags) IS DISTINCT FROM (NEW.own_name, NEW.blocked_at, NEW.tags)
        OR (NEW.opt_in_source IS NOT NULL AND NEW.opt_in_source IS DISTINCT FROM OLD.opt_in_source)
        OR (OLD.opted_in_at IS NOT NULL AND NEW.opted_in_at IS NULL AND NEW.opted_out_at IS NULL))
  EXECUTE FUNCTION write_audit('contact', 'merchant_id', 'phone', 'lid', 'wa_user_id', 'name', 'given_phone', 'opted_out_at',
                               'marketing_stopped_at', 'language', 'language_chosen');

CREATE TABLE broadcasts (
  merchant_id   uuid NOT NULL REFERENCES merchants,
  id            uuid NOT NULL DEFAULT uuidv7(),
  name          text NOT NULL,
  status        text NOT NULL CHECK (status IN ('draft', 'scheduled', 'running', 'paused', 'done', 'cancelled')),
  channel_id    uuid NOT NULL,
  template_name text NOT NULL,
  variables     jsonb NOT NULL,
  category      text NOT NULL,     -- of the template in the merchant's own language
  segment       jsonb NOT NULL,
  reason        text,              -- why it has paused by itself
  due_at        timestamptz,       -- when it starts by itself
  ring_at       timestamptz,
  started_at    timestamptz,
  finished_at   timestamptz,
  created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (merchant_id, id),
  FOREIGN KEY (merchant_id, channel_id) REFERENCES channels (merchant_id, id),
  CHECK (status <> 'scheduled' OR due_at IS NOT NULL),
  CHECK ((status IN ('done', 'cancelled')) = (finished_at IS NOT NULL))
);
CREATE INDEX broadcasts_ring ON broadcasts (ring_at) WHERE ring_at IS NOT NULL;
SELECT protect_tenant_table('broadcasts');
SELECT allow_system('broadcasts', 'SELECT, UPDATE');
SELECT audit_table('broadcasts', 'broadcast', '{ring_at}');

-- Whom a broadcast goes to, fixed when it starts. What has become of a message that was queued is written on the message alone.
CREATE TABLE broadcast_recipients (
  merchant_id  uuid NOT NULL,
  broadcast_id uuid NOT NULL,
  contact_id   uuid NOT NULL,
  position     int NOT NULL,
  status       text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'queued', 'skipped')),
  message_id   uuid,
  why          jsonb,              -- of who was skipped: { code, message }
  PRIMARY KEY (merchant_id, broadcast_id, contact_id),
  UNIQUE (merchant_id, broadcast_id, position),
  FOREIGN KEY (merchant_id, broadcast_id) REFERENCES broadcasts (merchant_id, id),
  FOREIGN KEY (merchant_id, contact_id) REFERENCES contacts (merchant_id, id),
  CHECK ((status = 'queued') = (message_id IS NOT NULL)),
  CHECK ((status = 'skipped') = (why IS NOT NULL))
);
CREATE INDEX broadcast_recipients_waiting ON broadcast_recipients (merchant_id, broadcast_id, position) WHERE status = 'waiting';
CREATE UNIQUE INDEX broadcast_recipients_message ON broadcast_recipients (merchant_id, message_id) WHERE message_id IS NOT NULL;
CREATE INDEX broadcast_recipients_contact ON broadcast_recipients (merchant_id, contact_id);
SELECT protect_tenant_table('broadcast_recipients');
