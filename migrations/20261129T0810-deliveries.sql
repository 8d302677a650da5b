-- Deliveries whole: who drives, how far it is, what proves that the goods were handed over, and what the customer can see of it.

ALTER TABLE delivery_tasks NO FORCE ROW LEVEL SECURITY;
ALTER TABLE delivery_tasks
  ADD COLUMN driver_id uuid,
  ADD COLUMN driver_name text,                        -- as it was when they got it: a driver may leave the team
  ADD COLUMN attempt int NOT NULL DEFAULT 0,          -- how often somebody has set out with it
  ADD COLUMN reason text,                             -- why it failed
  ADD COLUMN code sealed,                             -- what the customer tells the driver, while somebody is on the way
  ADD COLUMN wrong_codes int NOT NULL DEFAULT 0,      -- in a row
  ADD COLUMN code_locked_until timestamptz,
  ADD COLUMN tracking_hash bytea,                     -- SHA-256 of the token in the customer's link
  ADD COLUMN tracking_token sealed,                   -- for when the link must be told again
  ADD COLUMN proof text CHECK (proof IN ('code', 'photo', 'none')),
  ADD COLUMN photo_id uuid,
  ADD COLUMN latitude double precision,               -- where the driver was seen last, on this way
  ADD COLUMN longitude double precision,
  ADD COLUMN accuracy double precision,               -- in metres
  ADD COLUMN located_at timestamptz,
  ADD COLUMN started_at timestamptz,                  -- of this way
  -- No further try: it was delivered, or its order was cancelled. The customer's link dies a day later.
  ADD COLUMN closed_at timestamptz,
  ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now(),
  ADD FOREIGN KEY (merchant_id, driver_id) REFERENCES users (merchant_id, id) ON DELETE SET NULL (driver_id),
  ADD FOREIGN KEY (merchant_id, photo_id) REFERENCES media_files (merchant_id, id);

-- What became of orders so far became of their deliveries too.
ALTER TABLE orders NO FORCE ROW LEVEL SECURITY;
UPDATE delivery_tasks t SET
  status = CASE o.status WHEN 'out_for_delivery' THEN 'in_transit' WHEN 'delivered' THEN 'delivered' ELSE 'failed' END,
  proof = CASE o.status WHEN 'delivered' THEN 'none' END,
  reason = CASE o.status WHEN 'cancelled' THEN 'the order was cancelled' END,
  attempt = CASE WHEN o.status = 'cancelled' THEN 0 ELSE 1 END,
  closed_at = CASE WHEN o.status <> 'out_for_delivery' THEN o.updated_at END
FROM orders o
WHERE o.merchant_id = t.merchant_id AND o.id = t.order_id AND o.status IN ('out_for_delivery', 'delivered', 'cancelled');
ALTER TABLE orders FORCE ROW LEVEL SECURITY;
ALTER TABLE delivery_tasks
  ADD CHECK ((proof IS NOT NULL) = (status = 'delivered')),
  ADD CHECK ((photo_id IS NOT NULL) = (proof IS NOT DISTINCT FROM 'photo')),
  ADD CHECK (closed_at IS NOT NULL OR status <> 'delivered');

-- Who moved it where, when and why.
CREATE TABLE delivery_history (
  merchant_id uuid NOT NULL,
  delivery_id uuid NOT NULL,
  id          uuid NOT NULL DEFAULT uuidv7(),
  from_status text,
  to_status   text NOT NULL,
  driver_name text,
  actor       text NOT NULL,
  reason      text,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (merchant_id, delivery_id, id),
  FOREIGN KEY (merchant_id, delivery_id) REFERENCES delivery_tasks (merchant_id, id)
);
INSERT INTO delivery_history (merchant_id, delivery_id, to_status, actor, created_at)
  SELECT merchant_id, id, 'pending', 'system', created_at FROM delivery_tasks;
INSERT INTO delivery_history (merchant_id, delivery_id, from_status, to_status, actor, reason, created_at)
  SELECT merchant_id, id, 'pending', status, 'system', coalesce(reason, 'as its order'), updated_at FROM delivery_tasks WHERE status <> 'pending';
SELECT protect_tenant_table('delivery_history');
ALTER TABLE delivery_tasks FORCE ROW LEVEL SECURITY;

-- A token is looked for before it is known whose it is. It has 160 random bits: no two are the same.
CREATE INDEX delivery_tasks_tracking ON delivery_tasks (tracking_hash) WHERE tracking_hash IS NOT NULL;
CREATE INDEX delivery_tasks_driver ON delivery_tasks (merchant_id, driver_id, id) WHERE driver_id IS NOT NULL;
CREATE INDEX delivery_tasks_photo ON delivery_tasks (merchant_id, photo_id) WHERE photo_id IS NOT NULL;
SELECT allow_system('delivery_tasks', 'SELECT, UPDATE');

-- Left out: where a driver is, what the customer was told, and what repeats the rest.
SELECT audit_table('delivery_tasks', 'delivery', '{code,wrong_codes,code_locked_until,tracking_hash,tracking_token,latitude,longitude,accuracy,located_at,updated_at}');

-- The way so far, for the map. Where somebody was is nobody's business for long.
CREATE TABLE delivery_positions (
  merchant_id uuid NOT NULL,
  delivery_id uuid NOT NULL,
  attempt     int NOT NULL,
  at          timestamptz NOT NULL,
  latitude    double precision NOT NULL,
  longitude   double precision NOT NULL,
  accuracy    double precision,
  expires_at  timestamptz NOT NULL DEFAULT now() + interval '7 days',
  PRIMARY KEY (merchant_id, delivery_id, attempt, at),
  FOREIGN KEY (merchant_id, delivery_id) REFERENCES delivery_tasks (merchant_id, id)
);
CREATE INDEX delivery_positions_expiry ON delivery_positions (expires_at);
SELECT protect_tenant_table('delivery_positions');
SELECT allow_system('delivery_positions', 'SELECT, DELETE');

-- Part of a message's text that events do not repeat: it is for the customer alone.
ALTER TABLE messages ADD COLUMN secret text;

-- News of a driver who has set out, for shops that are there already; new ones start with it. What has that name stays as it is.
ALTER TABLE message_templates NO FORCE ROW LEVEL SECURITY;
INSERT INTO message_templates (merchant_id, name, language, type, category, content, variables, reason)
  SELECT shop.merchant_id, 'delivery_started', d.language, 'text', 'utility', d.content, d.variables, 'Every shop starts with it.'
  FROM (SELECT DISTINCT merchant_id FROM message_templates WHERE name = 'delivery_update') AS shop,
       jsonb_to_recordset('[
         {"language": "en", "content": {"header": "Order #{{number}} is on its way", "body": "Hello {{customer}}, {{driver}} has set out to you. When you have your order, and not before, give the code {{code}}. See where it is: {{link}}"},
          "variables": [{"name": "number", "type": "text", "example": "1042"}, {"name": "customer", "type": "text", "example": "Rudo", "default": "dear customer"},
                        {"name": "driver", "type": "text", "example": "Tapiwa", "default": "our driver"}, {"name": "code", "type": "text", "example": "0482"},
                        {"name": "link", "type": "url", "example": "https://soko.example.com/track/token"}]},
         {"language": "fr", "content": {"header": "La commande n° {{number}} est en route", "body": "Bonjour {{customer}}, {{driver}} est parti vers vous. Quand vous aurez votre commande, et pas avant, donnez le code {{code}}. Voir où elle est : {{link}}"},
          "variables": [{"name": "number", "type": "text", "example": "1042"}, {"name": "customer", "type": "text", "example": "Rudo", "default": "cher client"},
                        {"name": "driver", "type": "text", "example": "Tapiwa", "default": "notre livreur"}, {"name": "code", "type": "text", "example": "0482"},
                        {"name": "link", "type": "url", "example": "https://soko.example.com/track/token"}]},
         {"language": "ar", "content": {"header": "الطلب رقم {{number}} في الطريق", "body": "مرحبًا {{customer}}، انطلق {{driver}} إليك. عندما تستلم طلبك، وليس قبل ذلك، أعطِ الرمز {{code}}. تابع الطريق: {{link}}"},
          "variables": [{"name": "number", "type": "text", "example": "1042"}, {"name": "customer", "type": "text", "example": "رودو", "default": "عميلنا العزيز"},
                        {"name": "driver", "type": "text", "example": "تابيوا", "default": "السائق"}, {"name": "code", "type": "text", "example": "0482"},
                        {"name": "link", "type": "url", "example": "https://soko.example.com/track/token"}]}
       ]') AS d (language text, content jsonb, variables jsonb)
  ON CONFLICT DO NOTHING;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE message_templates FORCE ROW LEVEL SECURITY;
