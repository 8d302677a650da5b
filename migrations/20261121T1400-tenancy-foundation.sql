-- How every tenant table is protected, and the tables that the platform itself stands on.
-- Runs as soko_owner. Roles are made before the first migration (libs/database/src/roles.ts).

-- Policy and grants of a tenant table. The direct comparison, without (select ...), lets the planner see the value.
CREATE FUNCTION protect_tenant_table(tbl regclass, tenant_column text DEFAULT 'merchant_id') RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  rule text := format('%I = nullif(current_setting(''app.merchant_id'', true), '''')::uuid', tenant_column);
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tbl);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', tbl);
  EXECUTE format('CREATE POLICY tenant ON %s TO soko_app USING (%s) WITH CHECK (%s)', tbl, rule, rule);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO soko_app', tbl);
END $$;

-- What the system role (relay, sweeps, login) may do with a table across all tenants.
CREATE FUNCTION allow_system(tbl regclass, privileges text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tbl);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', tbl);
  EXECUTE format('CREATE POLICY system ON %s TO soko_system USING (true) WITH CHECK (true)', tbl);
  EXECUTE format('GRANT %s ON %s TO soko_system', privileges, tbl);
END $$;

CREATE TABLE merchants (
  id         uuid PRIMARY KEY DEFAULT uuidv7(),
  name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  currency   text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  timezone   text NOT NULL,
  locale     text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
SELECT protect_tenant_table('merchants', 'id');
SELECT allow_system('merchants', 'SELECT');

CREATE TABLE users (
  merchant_id uuid NOT NULL REFERENCES merchants,
  id          uuid NOT NULL DEFAULT uuidv7(),
  email       text NOT NULL,
  name        text NOT NULL,
  role        text NOT NULL CHECK (role IN ('owner', 'agent', 'driver')),
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, id)
);
SELECT protect_tenant_table('users');
SELECT allow_system('users', 'SELECT');

-- Credentials. An e-mail names one person on the whole platform, so its key cannot lead with the merchant.
CREATE TABLE logins (
  email         text PRIMARY KEY CHECK (email = lower(email)),
  merchant_id   uuid NOT NULL,
  user_id       uuid NOT NULL,
  password_hash text NOT NULL,
  FOREIGN KEY (merchant_id, user_id) REFERENCES users (merchant_id, id) ON DELETE CASCADE
);
SELECT protect_tenant_table('logins');
SELECT allow_system('logins', 'SELECT');

-- The outbox and the history in one. `position` is given by the relay when it hands an event on: NULL means not yet.
CREATE SEQUENCE event_position;
GRANT USAGE ON SEQUENCE event_position TO soko_system;
CREATE TABLE events (
  merchant_id uuid NOT NULL REFERENCES merchants,
  id          uuid NOT NULL DEFAULT uuidv7(),
  type        text NOT NULL,
  subject     text NOT NULL,
  data        json NOT NULL,  -- not jsonb: receivers get the keys in the order in which they were written
  request_id  text,
  position    bigint,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (merchant_id, id)
);
CREATE INDEX events_undispatched ON events (id) WHERE position IS NULL;
CREATE INDEX events_history ON events (merchant_id, position) WHERE position IS NOT NULL;
SELECT protect_tenant_table('events');
SELECT allow_system('events', 'SELECT, UPDATE');

CREATE FUNCTION notify_relay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('soko_events', '');
  RETURN NULL;
END $$;
CREATE TRIGGER events_notify AFTER INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION notify_relay();

-- What a domain still has to do about an event. The row goes in the transaction that does it.
CREATE TABLE event_reactions (
  merchant_id uuid NOT NULL,
  reaction    text NOT NULL,
  subject     text NOT NULL,
  position    bigint NOT NULL,
  event_id    uuid NOT NULL,
  attempts    int NOT NULL DEFAULT 0,
  due_at      timestamptz NOT NULL DEFAULT now(),
  ring_at     timestamptz DEFAULT now() + interval '10 seconds',  -- NULL: given up
  error       text,
  PRIMARY KEY (merchant_id, reaction, subject, position),
  FOREIGN KEY (merchant_id, event_id) REFERENCES events (merchant_id, id)
);
CREATE INDEX event_reactions_ring ON event_reactions (ring_at) WHERE ring_at IS NOT NULL;
SELECT protect_tenant_table('event_reactions');
SELECT allow_system('event_reactions', 'SELECT, INSERT, UPDATE');

-- Which gateway holds which shard. The fence only grows: a write that carries an old one is refused.
CREATE TABLE gateways (
  id         text PRIMARY KEY,
  expires_at timestamptz NOT NULL
);
SELECT allow_system('gateways', 'SELECT, INSERT, UPDATE, DELETE');
CREATE TABLE gateway_shards (
  shard      int PRIMARY KEY,
  holder     text,
  fence      bigint NOT NULL DEFAULT 0,
  expires_at timestamptz NOT NULL DEFAULT '-infinity'
);
SELECT allow_system('gateway_shards', 'SELECT, INSERT, UPDATE');
-- A tenant transaction in the gateway must see whether its fence still holds.
CREATE POLICY fence ON gateway_shards FOR SELECT TO soko_app USING (true);
GRANT SELECT ON gateway_shards TO soko_app;
