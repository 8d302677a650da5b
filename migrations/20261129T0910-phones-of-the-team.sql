-- Phones from which people of the team work: WhatsApp contacts that have shown a code which the dashboard gave to a user. Who they are
-- there, and what they may do, is looked up at every message: it ends with the user, and changes with the role.
CREATE TABLE staff_phones (
  merchant_id uuid NOT NULL,
  id          uuid NOT NULL DEFAULT uuidv7(),
  user_id     uuid NOT NULL,
  contact_id  uuid NOT NULL,
  linked_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, id),
  UNIQUE (merchant_id, user_id),
  UNIQUE (merchant_id, contact_id),
  FOREIGN KEY (merchant_id, user_id) REFERENCES users (merchant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (merchant_id, contact_id) REFERENCES contacts (merchant_id, id) ON DELETE CASCADE
);
SELECT protect_tenant_table('staff_phones');
SELECT audit_table('staff_phones', 'staff_phone');

-- The code that a user may write to the shop's number from their phone; a new one takes the place of the old.
CREATE TABLE link_codes (
  merchant_id uuid NOT NULL,
  user_id     uuid NOT NULL,
  code_hash   bytea NOT NULL,                         -- with a key: six digits are soon tried through
  expires_at  timestamptz NOT NULL,
  PRIMARY KEY (merchant_id, user_id),
  UNIQUE (merchant_id, code_hash),
  FOREIGN KEY (merchant_id, user_id) REFERENCES users (merchant_id, id) ON DELETE CASCADE
);
CREATE INDEX link_codes_expire ON link_codes (expires_at);
SELECT protect_tenant_table('link_codes');
SELECT allow_system('link_codes', 'SELECT, DELETE');

-- Where the conversation with somebody of the team stands, beside the one that they have as a customer.
ALTER TABLE conversations ADD COLUMN staff jsonb;

-- The bot answers no customer of the shop.
ALTER TABLE merchants ADD COLUMN bot_paused boolean NOT NULL DEFAULT false;
