-- What has failed for good, of every kind, in one place. A letter names the row that it is about and holds nothing of it: what was received
-- and could not be stored lies in `inbound_failures`, and goes with its letter.
CREATE TABLE inbound_failures (
  merchant_id uuid NOT NULL REFERENCES merchants,
  id          uuid NOT NULL DEFAULT uuidv7(),
  channel_id  uuid NOT NULL,
  payload     text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, id)
);
SELECT protect_tenant_table('inbound_failures');
SELECT allow_system('inbound_failures', 'SELECT, DELETE');

-- The owner is no merchant, and would see no row.
ALTER TABLE dead_letters NO FORCE ROW LEVEL SECURITY;
ALTER TABLE inbound_failures NO FORCE ROW LEVEL SECURITY;
INSERT INTO inbound_failures (merchant_id, id, channel_id, payload, created_at)
SELECT merchant_id, id, subject_id, payload, created_at FROM dead_letters;

ALTER TABLE dead_letters DROP CONSTRAINT dead_letters_kind_check, DROP COLUMN payload, ALTER COLUMN subject_id DROP NOT NULL;
ALTER TABLE dead_letters RENAME COLUMN created_at TO first_failed_at;
ALTER TABLE dead_letters
  ADD CONSTRAINT dead_letters_kind CHECK (kind IN ('webhook_delivery', 'inbound_message', 'outbound_message', 'unanswered_message', 'incoming_file', 'reaction')),
  ADD COLUMN reference text,                                             -- what names its row among those of its kind
  ADD COLUMN last_failed_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN status text NOT NULL DEFAULT 'dead' CHECK (status IN ('dead', 'retrying')),
  ADD COLUMN expires_at timestamptz;                                     -- being retried by whoever owns it: forgotten then, unless it dies again
UPDATE dead_letters SET reference = id::text, last_failed_at = first_failed_at;
ALTER TABLE dead_letters
  ALTER COLUMN reference SET NOT NULL,
  ADD CONSTRAINT dead_letters_once UNIQUE (merchant_id, kind, reference);
ALTER TABLE dead_letters FORCE ROW LEVEL SECURITY;
ALTER TABLE inbound_failures FORCE ROW LEVEL SECURITY;
CREATE INDEX dead_letters_expire ON dead_letters (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX dead_letters_of_kind ON dead_letters (kind, id);

-- For ops alone. The work of a merchant writes letters, and finds one by what it is about; why something failed is not to be read with it.
REVOKE SELECT ON dead_letters FROM soko_app;
GRANT SELECT (merchant_id, id, kind, reference, status, attempts, due_at, ring_at) ON dead_letters TO soko_app;
GRANT INSERT ON dead_letters TO soko_system;

CREATE FUNCTION drop_inbound_failure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF pg_input_is_valid(OLD.reference, 'uuid') THEN
    DELETE FROM inbound_failures WHERE merchant_id = OLD.merchant_id AND id = OLD.reference::uuid;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER payload_goes_along AFTER DELETE ON dead_letters FOR EACH ROW WHEN (OLD.kind = 'inbound_message')
  EXECUTE FUNCTION drop_inbound_failure();
