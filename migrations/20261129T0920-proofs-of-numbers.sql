-- Somebody whose number WhatsApp hides says that a number is theirs. A code goes to the chat of that number; whoever writes it here has both.
CREATE TABLE number_proofs (
  merchant_id uuid NOT NULL,
  contact_id  uuid NOT NULL,                          -- who says so
  phone       text NOT NULL,
  code_hash   bytea NOT NULL,                         -- with a key: six digits are soon tried through
  expires_at  timestamptz NOT NULL,
  PRIMARY KEY (merchant_id, contact_id),
  FOREIGN KEY (merchant_id, contact_id) REFERENCES contacts (merchant_id, id) ON DELETE CASCADE
);
CREATE INDEX number_proofs_expire ON number_proofs (expires_at);
SELECT protect_tenant_table('number_proofs');
SELECT allow_system('number_proofs', 'SELECT, DELETE');
