-- Sending again, in bulk, what a subscription has not taken.

-- What was never tried, because the subscription was off: the events after `from_position`, up to `to_position`, but for those `done`.
-- It shrinks as it is recovered.
CREATE TABLE webhook_gaps (
  merchant_id   uuid NOT NULL,
  webhook_id    uuid NOT NULL,
  from_position bigint NOT NULL,
  to_position   bigint NOT NULL,
  done          bigint[] NOT NULL DEFAULT '{}',
  recovery_id   uuid,                           -- who is at it
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, webhook_id, from_position),
  FOREIGN KEY (merchant_id, webhook_id) REFERENCES webhooks (merchant_id, id) ON DELETE CASCADE,
  CHECK (from_position < to_position)
);
SELECT protect_tenant_table('webhook_gaps');

-- Before `changed` moves the cursor over it (triggers fire in the order of their names). Whoever works on the subscription right now
-- has not left the old place, and leaves nothing out.
CREATE FUNCTION webhook_gap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO webhook_gaps (merchant_id, webhook_id, from_position, to_position, done)
  SELECT merchant_id, webhook_id, cursor, history_end(merchant_id), done
  FROM (SELECT * FROM webhook_drains WHERE merchant_id = NEW.merchant_id AND webhook_id = NEW.id FOR UPDATE) AS drain
  WHERE lease_until <= now() AND cursor < history_end(merchant_id)
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER bygone AFTER UPDATE OF active ON webhooks FOR EACH ROW
  WHEN (NEW.active AND NOT OLD.active) EXECUTE FUNCTION webhook_gap();

CREATE TABLE webhook_recoveries (
  merchant_id uuid NOT NULL,
  id          uuid NOT NULL DEFAULT uuidv7(),
  webhook_id  uuid NOT NULL,
  since       timestamptz NOT NULL,
  status      text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'done', 'stopped')),
  reason      text,                            -- why it was stopped
  reached     uuid,                            -- the last event of those owed that it has been at; NULL: none yet
  owed_done   boolean NOT NULL DEFAULT false,  -- it is at the gaps
  recovered   int NOT NULL DEFAULT 0,
  ring_at     timestamptz DEFAULT now() + interval '10 seconds',
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  PRIMARY KEY (merchant_id, id),
  FOREIGN KEY (merchant_id, webhook_id) REFERENCES webhooks (merchant_id, id) ON DELETE CASCADE,
  CHECK ((status = 'running') = (finished_at IS NULL)),
  CHECK ((status = 'stopped') = (reason IS NOT NULL))
);
CREATE UNIQUE INDEX webhook_recoveries_one ON webhook_recoveries (merchant_id, webhook_id) WHERE status = 'running';
CREATE INDEX webhook_recoveries_of ON webhook_recoveries (merchant_id, webhook_id, id);
CREATE INDEX webhook_recoveries_ring ON webhook_recoveries (ring_at) WHERE ring_at IS NOT NULL;
SELECT protect_tenant_table('webhook_recoveries');
SELECT allow_system('webhook_recoveries', 'SELECT, UPDATE');
