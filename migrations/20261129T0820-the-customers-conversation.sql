-- What a customer speaks: made out from their words until they choose.
ALTER TABLE contacts
  ADD COLUMN language text CHECK (language IN ('en', 'fr', 'ar')),
  ADD COLUMN language_chosen boolean NOT NULL DEFAULT false;
-- Like all that customers do it stays out of the trail of what the merchant's people decide.
DROP TRIGGER audit ON contacts;
CREATE CONSTRAINT TRIGGER audit AFTER UPDATE ON contacts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((OLD.own_name, OLD.blocked_at) IS DISTINCT FROM (NEW.own_name, NEW.blocked_at))
  EXECUTE FUNCTION write_audit('contact', 'merchant_id', 'phone', 'lid', 'wa_user_id', 'name', 'given_phone', 'opted_out_at',
                               'marketing_stopped_at', 'language', 'language_chosen');

-- What a customer means to buy. It outlives the conversation, which is forgotten after a day, and goes in the transaction of its
-- order: a cart becomes one order at most.
CREATE TABLE carts (
  merchant_id uuid NOT NULL,
  chat_id     uuid NOT NULL,
  lines       jsonb NOT NULL,
  updated_at  timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz NOT NULL DEFAULT now() + interval '7 days',
  -- When the customer is reminded of it; NULL when nobody is to, or it has been done.
  due_at      timestamptz,
  ring_at     timestamptz,
  reminded_at timestamptz,
  PRIMARY KEY (merchant_id, chat_id),
  FOREIGN KEY (merchant_id, chat_id) REFERENCES chats (merchant_id, id)
);
CREATE INDEX carts_expire ON carts (expires_at);
CREATE INDEX carts_ring ON carts (ring_at) WHERE ring_at IS NOT NULL;
SELECT protect_tenant_table('carts');
SELECT allow_system('carts', 'SELECT, UPDATE, DELETE');

-- The merchant's day on which the customer was last told that the shop is closed.
ALTER TABLE conversations ADD COLUMN away_on date;

-- The user or API key that took the chat from the bot, NULL where the customer asked for a person, and when the bot has it again by itself.
ALTER TABLE chats
  ADD COLUMN bot_paused_by uuid,
  ADD COLUMN bot_paused_until timestamptz;

-- Off, and until somebody releases the chat, where nothing is set.
ALTER TABLE merchants
  ADD COLUMN cart_reminder_hours int CHECK (cart_reminder_hours BETWEEN 1 AND 23),
  ADD COLUMN handover_minutes int CHECK (handover_minutes BETWEEN 1 AND 43200);

-- "Where is my order?": the last few of a customer.
CREATE INDEX orders_customer ON orders (merchant_id, customer_phone, number);
