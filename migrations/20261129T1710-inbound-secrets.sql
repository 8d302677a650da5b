-- What merchants' own systems sign their calls to POST /webhooks/bot with.
CREATE TABLE inbound_secrets (
  merchant_id uuid PRIMARY KEY REFERENCES merchants,
  id          uuid NOT NULL DEFAULT uuidv7(),
  secret      sealed NOT NULL,
  made_at     timestamptz NOT NULL DEFAULT now(),
  old_secret  sealed,
  old_until   timestamptz              -- the one before counts until then
);
SELECT protect_tenant_table('inbound_secrets');
SELECT allow_system('inbound_secrets', 'SELECT, UPDATE');
SELECT audit_table('inbound_secrets', 'inbound_secret');
