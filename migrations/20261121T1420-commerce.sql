CREATE TABLE products (
  merchant_id  uuid NOT NULL REFERENCES merchants,
  id           uuid NOT NULL DEFAULT uuidv7(),
  sku          text NOT NULL,
  name         text NOT NULL,
  description  text,
  category     text,
  price_amount bigint NOT NULL CHECK (price_amount >= 0),
  currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  on_hand      bigint NOT NULL CHECK (on_hand >= 0),
  reserved     bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  low_stock_at bigint CHECK (low_stock_at >= 0),
  active       boolean NOT NULL DEFAULT true,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, id),
  UNIQUE (merchant_id, sku),
  CONSTRAINT products_never_oversold CHECK (reserved <= on_hand)
) WITH (fillfactor = 80);
SELECT protect_tenant_table('products');

CREATE TABLE order_counters (
  merchant_id uuid PRIMARY KEY REFERENCES merchants,
  last_number bigint NOT NULL
);
SELECT protect_tenant_table('order_counters');

CREATE TABLE orders (
  merchant_id    uuid NOT NULL REFERENCES merchants,
  id             uuid NOT NULL DEFAULT uuidv7(),
  number         bigint NOT NULL,
  status         text NOT NULL CHECK (status IN
                 ('pending', 'confirmed', 'preparing', 'out_for_delivery', 'delivered', 'rejected', 'cancelled')),
  customer_phone text NOT NULL,
  customer_name  text,
  channel_id     uuid,
  delivery       jsonb,
  payment_method text NOT NULL DEFAULT 'cash_on_delivery',
  note           text,
  total_amount   bigint NOT NULL CHECK (total_amount >= 0),
  currency       text NOT NULL,
  reason         text,
  ring_at        timestamptz DEFAULT now() + interval '10 seconds',  -- NULL: nothing to do
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (merchant_id, id),
  UNIQUE (merchant_id, number),
  FOREIGN KEY (merchant_id, channel_id) REFERENCES channels (merchant_id, id)
) WITH (fillfactor = 85);
CREATE INDEX orders_ring ON orders (ring_at) WHERE ring_at IS NOT NULL;
SELECT protect_tenant_table('orders');
SELECT allow_system('orders', 'SELECT, UPDATE');

CREATE TABLE order_items (
  merchant_id  uuid NOT NULL,
  order_id     uuid NOT NULL,
  line         int NOT NULL,
  product_id   uuid NOT NULL,
  sku          text NOT NULL,
  name         text NOT NULL,
  quantity     int NOT NULL CHECK (quantity > 0),
  unit_amount  bigint NOT NULL CHECK (unit_amount >= 0),
  total_amount bigint NOT NULL,
  PRIMARY KEY (merchant_id, order_id, line),
  FOREIGN KEY (merchant_id, order_id) REFERENCES orders (merchant_id, id),
  FOREIGN KEY (merchant_id, product_id) REFERENCES products (merchant_id, id),
  CHECK (total_amount = unit_amount * quantity)
);
SELECT protect_tenant_table('order_items');

CREATE TABLE order_history (
  merchant_id uuid NOT NULL,
  order_id    uuid NOT NULL,
  id          uuid NOT NULL DEFAULT uuidv7(),
  from_status text,
  to_status   text NOT NULL,
  actor       text NOT NULL,
  reason      text,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (merchant_id, order_id, id),
  FOREIGN KEY (merchant_id, order_id) REFERENCES orders (merchant_id, id)
);
SELECT protect_tenant_table('order_history');

CREATE TABLE delivery_tasks (
  merchant_id uuid NOT NULL,
  id          uuid NOT NULL DEFAULT uuidv7(),
  order_id    uuid NOT NULL,
  status      text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'assigned', 'in_transit', 'delivered', 'failed')),
  destination jsonb,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (merchant_id, id),
  UNIQUE (merchant_id, order_id),
  FOREIGN KEY (merchant_id, order_id) REFERENCES orders (merchant_id, id)
);
SELECT protect_tenant_table('delivery_tasks');

CREATE TABLE message_templates (
  merchant_id uuid NOT NULL REFERENCES merchants,
  id          uuid NOT NULL DEFAULT uuidv7(),
  name        text NOT NULL,
  type        text NOT NULL CHECK (type IN ('text', 'buttons', 'list', 'media')),
  language    text NOT NULL,
  category    text NOT NULL,
  status      text NOT NULL DEFAULT 'active' CHECK (status IN ('draft', 'active', 'archived')),
  content     jsonb NOT NULL,
  variables   jsonb NOT NULL DEFAULT '[]',
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, id),
  UNIQUE (merchant_id, name, language)
);
SELECT protect_tenant_table('message_templates');
