CREATE TABLE webhooks (
  merchant_id uuid NOT NULL REFERENCES merchants,
  id          uuid NOT NULL DEFAULT uuidv7(),
  url         text NOT NULL,
  events      text[] NOT NULL,
  description text,
  headers     jsonb NOT NULL DEFAULT '{}',
  secret      text NOT NULL,
  active      boolean NOT NULL DEFAULT true,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, id)
);
SELECT protect_tenant_table('webhooks');
SELECT allow_system('webhooks', 'SELECT');

CREATE TABLE webhook_deliveries (
  merchant_id uuid NOT NULL,
  id          uuid NOT NULL DEFAULT uuidv7(),
  webhook_id  uuid NOT NULL,
  event_id    uuid NOT NULL,
  status      text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'dead')),
  attempts    int NOT NULL DEFAULT 0,
  due_at      timestamptz NOT NULL DEFAULT now(),
  ring_at     timestamptz DEFAULT now() + interval '10 seconds',  -- NULL: nothing left to do
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (merchant_id, id),
  UNIQUE (merchant_id, webhook_id, event_id),
  FOREIGN KEY (merchant_id, webhook_id) REFERENCES webhooks (merchant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (merchant_id, event_id) REFERENCES events (merchant_id, id)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX webhook_deliveries_ring ON webhook_deliveries (ring_at) WHERE ring_at IS NOT NULL;
SELECT protect_tenant_table('webhook_deliveries');
SELECT allow_system('webhook_deliveries', 'SELECT, INSERT, UPDATE');

CREATE TABLE webhook_logs (
  merchant_id     uuid NOT NULL,
  id              uuid NOT NULL DEFAULT uuidv7(),
  webhook_id      uuid NOT NULL,
  delivery_id     uuid NOT NULL,
  event_id        uuid NOT NULL,
  event_type      text NOT NULL,
  attempt         int NOT NULL,
  outcome         text NOT NULL CHECK (outcome IN ('delivered', 'failed')),
  request         jsonb NOT NULL,
  response_status int,
  response_body   text,
  duration_ms     int NOT NULL,
  error           text,
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (merchant_id, id),
  FOREIGN KEY (merchant_id, webhook_id) REFERENCES webhooks (merchant_id, id) ON DELETE CASCADE
);
CREATE INDEX webhook_logs_of ON webhook_logs (merchant_id, webhook_id, id DESC);
SELECT protect_tenant_table('webhook_logs');
