-- Who may come in, what they did, what must not leak, and what was asked before.

-- A secret, encrypted by the application (libs/database/src/sealer.ts): `v1.<key id>.<wrapped data key>.<data>`.
-- `plain.<text>` is what was stored before there was encryption: read, and sealed by the next `npm run keys:rotate`.
CREATE DOMAIN sealed AS text CHECK (VALUE ~ '^(v1|plain)\.');

ALTER TABLE merchants
  ADD COLUMN plan text NOT NULL DEFAULT 'standard' CHECK (plan IN ('trial', 'standard')),
  ADD COLUMN opening_hours jsonb;
GRANT UPDATE ON merchants TO soko_system;

-- Ops are the team of the platform itself, which is the merchant of id 0.
ALTER TABLE users DROP CONSTRAINT users_role_check;
ALTER TABLE users
  ADD CONSTRAINT users_role_check CHECK (role IN ('owner', 'agent', 'driver', 'ops')),
  ADD CONSTRAINT users_ops_are_the_platform CHECK ((role = 'ops') = (merchant_id = '00000000-0000-0000-0000-000000000000')),
  ADD COLUMN password_changed_at timestamptz NOT NULL DEFAULT now();
-- Every sign-in, change of password and removal looks for the login of a user.
CREATE INDEX logins_user ON logins (merchant_id, user_id);

-- A row for each access token that may still be used: without its row a token is dead, on every process at once.
CREATE TABLE sessions (
  merchant_id uuid NOT NULL,
  id          uuid NOT NULL,
  user_id     uuid NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz NOT NULL,
  PRIMARY KEY (merchant_id, id),
  FOREIGN KEY (merchant_id, user_id) REFERENCES users (merchant_id, id) ON DELETE CASCADE
);
CREATE INDEX sessions_user ON sessions (merchant_id, user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);
SELECT protect_tenant_table('sessions');
SELECT allow_system('sessions', 'SELECT, INSERT, DELETE');

-- Found by the hash of the key: 256 random bits need no salt.
CREATE TABLE api_keys (
  merchant_id  uuid NOT NULL REFERENCES merchants,
  id           uuid NOT NULL DEFAULT uuidv7(),
  name         text NOT NULL,
  hint         text NOT NULL,
  hash         bytea NOT NULL,
  scopes       text[] NOT NULL,
  expires_at   timestamptz,
  last_used_at timestamptz,
  created_by   uuid NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, id)
);
CREATE INDEX api_keys_hash ON api_keys USING hash (hash);
SELECT protect_tenant_table('api_keys');
SELECT allow_system('api_keys', 'SELECT, UPDATE, DELETE');

-- The first answer to a request that carries an idempotency key. `hash` is of caller, method, path and key.
CREATE TABLE idempotency_keys (
  merchant_id  uuid NOT NULL REFERENCES merchants,
  hash         bytea NOT NULL,
  fingerprint  bytea NOT NULL,
  claim        uuid NOT NULL,          -- who works on it: a claim that was taken over cannot finish
  locked_until timestamptz,            -- NULL: answered
  status       int,
  content_type text,
  body         sealed,                 -- answers show secrets once, and people's data
  expires_at   timestamptz NOT NULL DEFAULT now() + interval '24 hours',
  PRIMARY KEY (merchant_id, hash)
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);
SELECT protect_tenant_table('idempotency_keys');
SELECT allow_system('idempotency_keys', 'SELECT, UPDATE, DELETE');

-- Counters of rate limits, in the shape that rate-limiter-flexible expects. After a crash they begin anew.
CREATE UNLOGGED TABLE rate_limits (
  key    text PRIMARY KEY,
  points int NOT NULL DEFAULT 0,
  expire bigint
) WITH (fillfactor = 70);
SELECT allow_system('rate_limits', 'SELECT, INSERT, UPDATE, DELETE');

-- What partners' webhooks are signed with, and headers that may hold tokens of theirs.
ALTER TABLE webhooks ALTER COLUMN headers DROP DEFAULT;
ALTER TABLE webhooks ALTER COLUMN headers DROP NOT NULL;
ALTER TABLE webhooks
  ALTER COLUMN secret TYPE sealed USING 'plain.' || secret,
  ALTER COLUMN headers TYPE sealed USING 'plain.' || nullif(headers, '{}')::text;
GRANT UPDATE ON webhooks TO soko_system;

-- The audit trail: one chain for each merchant, every row carrying the hash of the one before.
CREATE TABLE audit_logs (
  merchant_id uuid NOT NULL,
  seq         bigint NOT NULL,
  id          uuid NOT NULL DEFAULT uuidv7(),
  at          timestamptz NOT NULL,
  entity      text NOT NULL,
  entity_id   uuid NOT NULL,
  action      text NOT NULL CHECK (action IN ('create', 'update', 'delete')),
  actor_type  text NOT NULL CHECK (actor_type IN ('user', 'key', 'bot', 'system')),
  actor_id    uuid,
  actor_role  text,
  ip          text,
  request_id  text,
  before      jsonb,
  after       jsonb,
  prev_hash   bytea NOT NULL,
  hash        bytea NOT NULL,
  PRIMARY KEY (merchant_id, seq)
);
CREATE INDEX audit_logs_entity ON audit_logs (merchant_id, entity, seq);
CREATE INDEX audit_logs_actor ON audit_logs (merchant_id, actor_id, seq);
SELECT protect_tenant_table('audit_logs');
REVOKE INSERT, UPDATE, DELETE ON audit_logs FROM soko_app;
SELECT allow_system('audit_logs', 'SELECT');
CREATE POLICY writer ON audit_logs TO soko_owner USING (true) WITH CHECK (true);

-- Where each chain ends: rows cut off its end are missed too.
CREATE TABLE audit_heads (
  merchant_id uuid PRIMARY KEY,
  seq         bigint NOT NULL,
  hash        bytea NOT NULL
) WITH (fillfactor = 50);
SELECT protect_tenant_table('audit_heads');
REVOKE ALL ON audit_heads FROM soko_app;
SELECT allow_system('audit_heads', 'SELECT');
CREATE POLICY writer ON audit_heads TO soko_owner USING (true) WITH CHECK (true);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_logs_append_only BEFORE UPDATE OR DELETE ON audit_logs FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_logs_no_truncate BEFORE TRUNCATE ON audit_logs FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What a row's hash is made of. jsonb has one text for one value, and the time is a number: no setting changes them.
CREATE FUNCTION audit_hash(entry audit_logs) RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT sha256(entry.prev_hash || convert_to(jsonb_build_array(
    entry.merchant_id, entry.seq, entry.id, (extract(epoch FROM entry.at) * 1000000)::bigint, entry.entity, entry.entity_id,
    entry.action, entry.actor_type, entry.actor_id, entry.actor_role, entry.ip, entry.request_id, entry.before, entry.after
  )::text, 'UTF8'))
$$;

-- A row as the trail shows it: without the columns left out, and of each secret only whether it is still the same one.
-- (The last part of a sealed value changes with the secret, not with the key that it is kept under.)
CREATE FUNCTION audit_view(tbl oid, entry jsonb, left_out text[]) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
  name text;
BEGIN
  entry := entry - left_out;
  FOR name IN SELECT attname FROM pg_attribute WHERE attrelid = tbl AND atttypid = 'sealed'::regtype AND NOT attisdropped LOOP
    IF entry ->> name IS NOT NULL THEN
      entry := jsonb_set(entry, ARRAY[name],
        to_jsonb('secret ' || left(encode(sha256(convert_to(split_part(entry ->> name, '.', -1), 'UTF8')), 'hex'), 8)));
    END IF;
  END LOOP;
  RETURN entry;
END $$;

-- Arguments: the name that the trail uses, the column that names the merchant, and the columns to leave out.
-- Deferred to the commit: the chain's end is then the last row that a transaction locks, so that chains cannot deadlock.
CREATE FUNCTION write_audit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  actor    jsonb := coalesce(nullif(current_setting('app.actor', true), ''), '{}')::jsonb;
  left_out text[] := TG_ARGV[2:];
  earlier  jsonb;
  later    jsonb;
  entry    audit_logs;
BEGIN
  IF TG_OP <> 'INSERT' THEN earlier := audit_view(TG_RELID, to_jsonb(OLD), left_out); END IF;
  IF TG_OP <> 'DELETE' THEN later := audit_view(TG_RELID, to_jsonb(NEW), left_out); END IF;
  IF earlier IS NOT DISTINCT FROM later THEN RETURN NULL; END IF;

  entry.merchant_id := coalesce(later, earlier) ->> TG_ARGV[1];
  INSERT INTO audit_heads VALUES (entry.merchant_id, 0, '\x') ON CONFLICT DO NOTHING;
  SELECT seq + 1, hash INTO entry.seq, entry.prev_hash FROM audit_heads WHERE merchant_id = entry.merchant_id FOR UPDATE;
  entry.id := uuidv7();
  entry.at := clock_timestamp();
  entry.entity := TG_ARGV[0];
  entry.entity_id := coalesce(later, earlier) ->> 'id';
  entry.action := CASE TG_OP WHEN 'INSERT' THEN 'create' WHEN 'UPDATE' THEN 'update' ELSE 'delete' END;
  entry.actor_type := coalesce(actor ->> 'type', 'system');
  entry.actor_id := actor ->> 'id';
  entry.actor_role := actor ->> 'role';
  entry.ip := actor ->> 'ip';
  entry.request_id := actor ->> 'requestId';
  entry.before := earlier;
  entry.after := later;
  entry.hash := audit_hash(entry);
  INSERT INTO audit_logs VALUES (entry.*);
  UPDATE audit_heads SET seq = entry.seq, hash = entry.hash WHERE merchant_id = entry.merchant_id;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION write_audit() FROM PUBLIC;

-- `left_out` are columns that hold state or noise rather than a decision.
CREATE FUNCTION audit_table(tbl regclass, entity text, left_out text[] DEFAULT '{}', merchant_column text DEFAULT 'merchant_id')
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format(
    'CREATE CONSTRAINT TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON %s DEFERRABLE INITIALLY DEFERRED
     FOR EACH ROW EXECUTE FUNCTION write_audit(%s)', tbl,
    (SELECT string_agg(quote_literal(arg), ', ' ORDER BY n)
     FROM unnest(ARRAY[entity, merchant_column] || left_out) WITH ORDINALITY AS args (arg, n)));
END $$;

SELECT audit_table('merchants', 'merchant', '{}', 'id');
SELECT audit_table('users', 'user');
SELECT audit_table('api_keys', 'api_key', '{hash,last_used_at}');
SELECT audit_table('channels', 'channel', '{status,reason,fence,last_connected_at}');
SELECT audit_table('message_templates', 'template');
SELECT audit_table('products', 'product', '{reserved,updated_at}');
SELECT audit_table('orders', 'order', '{ring_at,updated_at}');
SELECT audit_table('webhooks', 'webhook');
