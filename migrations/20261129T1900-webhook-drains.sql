-- Webhooks follow the history: each subscription has a cursor, and a row stands only for what is owed beyond it.
-- docs/adr/0014-webhooks-follow-the-history.md says why.

-- The owner is not a merchant: for what is moved it must see the rows of all.
ALTER TABLE webhooks NO FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_deliveries NO FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_logs NO FORCE ROW LEVEL SECURITY;
ALTER TABLE events NO FORCE ROW LEVEL SECURITY;

ALTER TABLE webhooks
  ADD COLUMN filters          jsonb CHECK (jsonb_typeof(filters) = 'object'),  -- fields of the event's data, and what they must equal
  ADD COLUMN rate_limit       int CHECK (rate_limit BETWEEN 1 AND 1000),       -- calls a second
  ADD COLUMN ordered          boolean NOT NULL DEFAULT false,
  ADD COLUMN old_secret       sealed,
  ADD COLUMN old_secret_until timestamptz,                                     -- until then the old one signs, too
  ADD COLUMN disabled_reason  text CHECK (disabled_reason IN ('gone', 'failing')),  -- set by Soko alone; NULL: by the merchant
  ADD COLUMN disabled_at      timestamptz;

-- How far a subscription is, and who works on it. `bell` counts what may be new; 0 says that all up to now was looked at.
CREATE TABLE webhook_drains (
  merchant_id     uuid NOT NULL,
  webhook_id      uuid NOT NULL,
  cursor          bigint NOT NULL,               -- all up to this position of the history was tried, or is owed as a row
  done            bigint[] NOT NULL DEFAULT '{}',  -- positions beyond the cursor that were, too
  bell            bigint NOT NULL DEFAULT 1,
  rung_at         timestamptz,                   -- when an alarm went out last
  ring_at         timestamptz DEFAULT now() + interval '10 seconds',  -- NULL: nothing to do
  lease_until     timestamptz NOT NULL DEFAULT '-infinity',
  fence           bigint NOT NULL DEFAULT 0,
  breaker         text NOT NULL DEFAULT 'closed' CHECK (breaker IN ('closed', 'open', 'half_open')),
  breaker_until   timestamptz,                   -- open until then
  breaker_opened  int NOT NULL DEFAULT 0,        -- times in a row
  breaker_calls   jsonb NOT NULL DEFAULT '[]',   -- calls and failures of the last minutes, or of the probes
  resume_at       timestamptz,                   -- the receiver asked for peace until then
  called_at       timestamptz,                   -- the last call of whoever let go of the lease
  failing_since   timestamptz,                   -- nothing but failures since then
  warned          int NOT NULL DEFAULT 0,        -- notes about that
  PRIMARY KEY (merchant_id, webhook_id),
  FOREIGN KEY (merchant_id, webhook_id) REFERENCES webhooks (merchant_id, id) ON DELETE CASCADE
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX webhook_drains_ring ON webhook_drains (ring_at) WHERE ring_at IS NOT NULL;
INSERT INTO webhook_drains (merchant_id, webhook_id, cursor)
SELECT merchant_id, id, (SELECT coalesce(max(position), 0) FROM events) FROM webhooks;
SELECT protect_tenant_table('webhook_drains');
SELECT allow_system('webhook_drains', 'SELECT, UPDATE');

-- Where the history of a merchant ends now.
CREATE FUNCTION history_end(merchant uuid) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT coalesce(max(position), 0) FROM events WHERE merchant_id = merchant AND position IS NOT NULL
$$;

CREATE FUNCTION webhook_made() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO webhook_drains (merchant_id, webhook_id, cursor) VALUES (NEW.merchant_id, NEW.id, history_end(NEW.merchant_id));
  RETURN NULL;
END $$;
CREATE TRIGGER made AFTER INSERT ON webhooks FOR EACH ROW EXECUTE FUNCTION webhook_made();

-- Whoever switches a subscription on again takes back why it was off.
CREATE FUNCTION webhook_switched_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.disabled_reason := NULL;
  NEW.disabled_at := NULL;
  RETURN NEW;
END $$;
CREATE TRIGGER switched_on BEFORE UPDATE OF active ON webhooks FOR EACH ROW
  WHEN (NEW.active AND NOT OLD.active) EXECUTE FUNCTION webhook_switched_on();

-- A new address is given a new chance. What happened while it was off is not sent: `recover` brings it. Whoever works on it right
-- now has not left yet and goes on.
CREATE FUNCTION webhook_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE webhook_drains
  SET bell = bell + 1, ring_at = CASE WHEN lease_until > now() THEN ring_at ELSE now() END,
      breaker = 'closed', breaker_until = NULL, breaker_opened = 0, breaker_calls = '[]', resume_at = NULL,
      failing_since = NULL, warned = 0,
      cursor = CASE WHEN OLD.active OR lease_until > now() THEN cursor ELSE greatest(cursor, history_end(merchant_id)) END,
      done = CASE WHEN OLD.active OR lease_until > now() THEN done ELSE '{}' END
  WHERE merchant_id = NEW.merchant_id AND webhook_id = NEW.id;
  PERFORM pg_notify('soko_webhooks', NEW.id::text || '!');
  RETURN NULL;
END $$;
CREATE TRIGGER changed AFTER UPDATE OF active, url ON webhooks FOR EACH ROW
  WHEN (NEW.active AND (NOT OLD.active OR NEW.url <> OLD.url)) EXECUTE FUNCTION webhook_changed();

-- To be called with every row that is added to webhook_deliveries, or made due: whoever works on the subscription looks again.
CREATE FUNCTION ring_webhook(merchant uuid, webhook uuid) RETURNS void LANGUAGE sql AS $$
  UPDATE webhook_drains SET bell = bell + 1, ring_at = CASE WHEN lease_until > now() THEN ring_at ELSE least(ring_at, now()) END
  WHERE merchant_id = merchant AND webhook_id = webhook;
  SELECT pg_notify('soko_webhooks', webhook::text || '!');
$$;

-- What is owed: first attempts that failed, samples, replays, recoveries. Gone when delivered: the log has the story.
DELETE FROM webhook_deliveries WHERE status = 'delivered';
ALTER TABLE webhook_deliveries
  DROP CONSTRAINT webhook_deliveries_status_check,
  ADD CHECK (status IN ('pending', 'dead')),
  ADD COLUMN event_type text,
  ADD COLUMN position   bigint,   -- of the event; NULL for a sample
  ADD COLUMN trigger    text NOT NULL DEFAULT 'event' CHECK (trigger IN ('event', 'test', 'replay', 'recovery')),
  ADD COLUMN sample     json,     -- the data of a test: there is no event behind it
  DROP COLUMN ring_at;
UPDATE webhook_deliveries d SET event_type = e.type, position = e.position
FROM events e WHERE e.merchant_id = d.merchant_id AND e.id = d.event_id;
ALTER TABLE webhook_deliveries ALTER COLUMN event_type SET NOT NULL;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (merchant_id, webhook_id, due_at) WHERE status = 'pending';
GRANT DELETE ON webhook_deliveries TO soko_system;

-- One narrow row for each call, and one index: a row is found by its id within a merchant's few subscriptions (a skip scan).
-- No foreign key: PostgreSQL would look up and lock the subscription for every row.
ALTER TABLE webhook_logs
  DROP CONSTRAINT webhook_logs_pkey,
  DROP CONSTRAINT webhook_logs_merchant_id_webhook_id_fkey,
  ADD PRIMARY KEY (merchant_id, webhook_id, id),
  DROP COLUMN delivery_id,
  ADD COLUMN trigger     text NOT NULL DEFAULT 'event' CHECK (trigger IN ('event', 'test', 'replay', 'recovery')),
  ADD COLUMN error_class text,
  ADD COLUMN next_try_at timestamptz,
  ADD COLUMN url         text,
  ADD COLUMN own_headers text[];  -- the names of the merchant's headers that went with it
DROP INDEX webhook_logs_of;
ALTER TABLE webhook_logs RENAME created_at TO requested_at;
UPDATE webhook_logs SET url = request ->> 'url',
  own_headers = nullif(ARRAY(SELECT key FROM jsonb_each_text(request -> 'headers') WHERE value = '***'), '{}'),
  error_class = CASE WHEN outcome = 'failed' THEN CASE WHEN response_status IS NULL THEN 'connection' ELSE 'status' END END;
ALTER TABLE webhook_logs ALTER COLUMN url SET NOT NULL, DROP COLUMN request;
SELECT allow_system('webhook_logs', 'SELECT, INSERT, DELETE');

CREATE FUNCTION webhook_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM webhook_logs WHERE merchant_id = OLD.merchant_id AND webhook_id = OLD.id;
  RETURN NULL;
END $$;
CREATE TRIGGER gone AFTER DELETE ON webhooks FOR EACH ROW EXECUTE FUNCTION webhook_gone();

ALTER TABLE webhooks FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_deliveries FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_logs FORCE ROW LEVEL SECURITY;
ALTER TABLE events FORCE ROW LEVEL SECURITY;
