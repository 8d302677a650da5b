-- What is asked of customers, received and given back; and orders that hold their goods until they are paid.

ALTER TABLE orders
  -- none: nothing is reserved yet, or for good. held: the goods are kept until held_until. lapsed: nothing is kept any more, and until
  -- held_until the order is still taken up again when its money comes.
  ADD COLUMN hold text NOT NULL DEFAULT 'none' CHECK (hold IN ('none', 'held', 'lapsed')),
  ADD COLUMN held_until timestamptz,
  ADD CHECK ((hold = 'none') = (held_until IS NULL)),
  ADD CHECK (hold = 'none' OR status = 'pending');

-- How customers of a merchant may pay. Without a row: cash and transfers yes, links no.
CREATE TABLE payment_methods (
  merchant_id uuid NOT NULL REFERENCES merchants,
  name        text NOT NULL CHECK (name IN ('cash_on_delivery', 'transfer', 'stripe', 'mobile_money')),
  active      boolean NOT NULL DEFAULT true,
  config      jsonb NOT NULL DEFAULT '{}',
  secrets     sealed,
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, name)
);
SELECT protect_tenant_table('payment_methods');
SELECT allow_system('payment_methods', 'SELECT, UPDATE');

CREATE TABLE payments (
  merchant_id  uuid NOT NULL,
  id           uuid NOT NULL DEFAULT uuidv7(),
  order_id     uuid NOT NULL,
  title        text NOT NULL,   -- what the customer reads where they pay
  method       text NOT NULL CHECK (method IN ('cash_on_delivery', 'transfer', 'payment_link')),
  provider     text CHECK (provider IN ('stripe', 'mobile_money')),
  status       text NOT NULL CHECK (status IN ('pending', 'authorized', 'paid', 'partially_refunded', 'refunded', 'failed')),
  amount       bigint NOT NULL CHECK (amount > 0),
  currency     text NOT NULL,
  received     bigint NOT NULL DEFAULT 0 CHECK (received >= 0),
  refunded     bigint NOT NULL DEFAULT 0 CHECK (refunded >= 0 AND refunded <= received),
  reference    sealed,       -- what a person wrote about a transfer: names, account numbers
  link         sealed,
  expires_at   timestamptz,  -- of the link
  provider_ref text,         -- what the provider knows the payment by, and gives money back by
  reason       text,         -- why it failed
  attempts     int NOT NULL DEFAULT 0,
  due_at       timestamptz NOT NULL DEFAULT now(),
  ring_at      timestamptz,  -- a link is to be made
  paid_at      timestamptz,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (merchant_id, id),
  FOREIGN KEY (merchant_id, order_id) REFERENCES orders (merchant_id, id),
  CHECK ((method = 'payment_link') = (provider IS NOT NULL))
);
CREATE INDEX payments_order ON payments (merchant_id, order_id);
CREATE INDEX payments_ring ON payments (ring_at) WHERE ring_at IS NOT NULL;
-- Two links for one order would be paid twice.
CREATE UNIQUE INDEX payments_open_link ON payments (merchant_id, order_id) WHERE provider IS NOT NULL AND status IN ('pending', 'authorized');
SELECT protect_tenant_table('payments');
SELECT allow_system('payments', 'SELECT, UPDATE');
SELECT audit_table('payments', 'payment', '{ring_at,due_at,attempts,updated_at}');

CREATE TABLE payment_refunds (
  merchant_id  uuid NOT NULL,
  id           uuid NOT NULL DEFAULT uuidv7(),
  payment_id   uuid NOT NULL,
  amount       bigint NOT NULL CHECK (amount > 0),
  -- due: a person has to give the money back. requested: the provider is asked to.
  status       text NOT NULL CHECK (status IN ('due', 'requested', 'succeeded')),
  reason       text NOT NULL,
  error        text,         -- why the provider did not do it
  attempts     int NOT NULL DEFAULT 0,
  due_at       timestamptz NOT NULL DEFAULT now(),
  ring_at      timestamptz,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  done_at      timestamptz,
  PRIMARY KEY (merchant_id, id),
  FOREIGN KEY (merchant_id, payment_id) REFERENCES payments (merchant_id, id),
  CHECK ((status = 'succeeded') = (done_at IS NOT NULL))
);
CREATE INDEX payment_refunds_payment ON payment_refunds (merchant_id, payment_id);
CREATE INDEX payment_refunds_ring ON payment_refunds (ring_at) WHERE ring_at IS NOT NULL;
SELECT protect_tenant_table('payment_refunds');
SELECT allow_system('payment_refunds', 'SELECT, UPDATE');

-- What providers have told, each once, whatever was made of it.
CREATE TABLE payment_notices (
  merchant_id uuid NOT NULL REFERENCES merchants,
  provider    text NOT NULL,
  event_id    text NOT NULL,
  kind        text NOT NULL,
  payment_id  uuid,
  outcome     text NOT NULL,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (merchant_id, provider, event_id)
);
SELECT protect_tenant_table('payment_notices');

-- How customers are told what to pay, for shops that are there already; new ones start with it. What has that name stays as it is.
ALTER TABLE message_templates NO FORCE ROW LEVEL SECURITY;
INSERT INTO message_templates (merchant_id, name, language, type, category, content, variables, reason)
  SELECT shop.merchant_id, d.name, d.language, 'text', 'utility', d.content, d.variables, 'Every shop starts with it.'
  FROM (SELECT DISTINCT merchant_id FROM message_templates WHERE name = 'order_update') AS shop,
       jsonb_to_recordset('[
         {"name": "payment_link", "language": "en", "content": {"header": "Order #{{number}} is reserved for you", "body": "Thank you, {{customer}}! Please pay {{total}} here, and your order is confirmed: {{link}}"}, "variables": [{"name": "number", "type": "text", "example": "1042"}, {"name": "customer", "type": "text", "example": "Rudo", "default": "dear customer"}, {"name": "total", "type": "money", "example": "$12.50"}, {"name": "link", "type": "url", "example": "https://pay.example.com/c/token"}]},
         {"name": "payment_transfer", "language": "en", "content": {"header": "Order #{{number}} is reserved for you", "body": "Thank you, {{customer}}! Please transfer {{total}} to {{instructions}}. Your order is confirmed when the money has come."}, "variables": [{"name": "number", "type": "text", "example": "1042"}, {"name": "customer", "type": "text", "example": "Rudo", "default": "dear customer"}, {"name": "total", "type": "money", "example": "$12.50"}, {"name": "instructions", "type": "text", "example": "EcoCash 0771 234 567", "default": "the account that we tell you"}]},
         {"name": "payment_link", "language": "fr", "content": {"header": "La commande n° {{number}} vous est réservée", "body": "Merci, {{customer}} ! Payez {{total}} ici, et votre commande est confirmée : {{link}}"}, "variables": [{"name": "number", "type": "text", "example": "1042"}, {"name": "customer", "type": "text", "example": "Rudo", "default": "cher client"}, {"name": "total", "type": "money", "example": "12,50 $US"}, {"name": "link", "type": "url", "example": "https://pay.example.com/c/token"}]},
         {"name": "payment_transfer", "language": "fr", "content": {"header": "La commande n° {{number}} vous est réservée", "body": "Merci, {{customer}} ! Virez {{total}} à {{instructions}}. Votre commande est confirmée dès que l’argent est arrivé."}, "variables": [{"name": "number", "type": "text", "example": "1042"}, {"name": "customer", "type": "text", "example": "Rudo", "default": "cher client"}, {"name": "total", "type": "money", "example": "12,50 $US"}, {"name": "instructions", "type": "text", "example": "EcoCash 0771 234 567", "default": "le compte que nous vous indiquons"}]},
         {"name": "payment_link", "language": "ar", "content": {"header": "الطلب رقم {{number}} محجوز لك", "body": "شكرًا {{customer}}! ادفع {{total}} من هنا ليتم تأكيد طلبك: {{link}}"}, "variables": [{"name": "number", "type": "text", "example": "1042"}, {"name": "customer", "type": "text", "example": "رودو", "default": "عميلنا العزيز"}, {"name": "total", "type": "money", "example": "١٢٫٥٠ US$"}, {"name": "link", "type": "url", "example": "https://pay.example.com/c/token"}]},
         {"name": "payment_transfer", "language": "ar", "content": {"header": "الطلب رقم {{number}} محجوز لك", "body": "شكرًا {{customer}}! حوّل {{total}} إلى {{instructions}}. يتم تأكيد طلبك عند وصول المبلغ."}, "variables": [{"name": "number", "type": "text", "example": "1042"}, {"name": "customer", "type": "text", "example": "رودو", "default": "عميلنا العزيز"}, {"name": "total", "type": "money", "example": "١٢٫٥٠ US$"}, {"name": "instructions", "type": "text", "example": "EcoCash 0771 234 567", "default": "الحساب الذي نخبرك به"}]}
       ]') AS d (name text, language text, content jsonb, variables jsonb)
  ON CONFLICT DO NOTHING;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE message_templates FORCE ROW LEVEL SECURITY;
