-- Every movement of stock, written by the database; and products that go while their orders stay.

DROP TRIGGER audit ON products;
ALTER TABLE products NO FORCE ROW LEVEL SECURITY;
ALTER TABLE products
  -- Its orders are still to be understood, so it stays.
  ADD COLUMN deleted_at timestamptz,
  -- { orderId?, reason? }: said with a change of the stock, and moved into the ledger by the trigger below. Never kept.
  ADD COLUMN movement jsonb,
  ADD CHECK (deleted_at IS NULL OR NOT active);
ALTER TABLE products DROP CONSTRAINT products_merchant_id_sku_key;
CREATE UNIQUE INDEX products_sku ON products (merchant_id, sku) WHERE deleted_at IS NULL;

-- Outlives its product. Its sums are the product's on_hand and reserved, at any time.
CREATE TABLE stock_movements (
  merchant_id    uuid NOT NULL REFERENCES merchants,
  product_id     uuid NOT NULL,
  id             uuid NOT NULL DEFAULT uuidv7(),
  kind           text NOT NULL CHECK (kind IN ('adjustment', 'reservation', 'release', 'sale')),
  on_hand_delta  bigint NOT NULL,
  reserved_delta bigint NOT NULL,
  on_hand        bigint NOT NULL,  -- after it
  reserved       bigint NOT NULL,
  order_id       uuid,
  reason         text,
  actor_type     text NOT NULL,
  actor_id       uuid,
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (merchant_id, product_id, id),
  CHECK (kind = 'adjustment' OR order_id IS NOT NULL),
  CHECK (on_hand_delta <> 0 OR reserved_delta <> 0)
);
CREATE INDEX stock_movements_order ON stock_movements (merchant_id, order_id) WHERE order_id IS NOT NULL;
SELECT protect_tenant_table('stock_movements');
REVOKE INSERT, UPDATE, DELETE ON stock_movements FROM soko_app;
CREATE POLICY writer ON stock_movements TO soko_owner USING (true) WITH CHECK (true);
CREATE TRIGGER stock_movements_append_only BEFORE UPDATE OR DELETE ON stock_movements FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stock_movements_no_truncate BEFORE TRUNCATE ON stock_movements FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What is reserved is so for an order: whoever changes it without naming one is refused, and so is who sells what was not reserved.
CREATE FUNCTION keep_stock_movement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  actor jsonb := coalesce(nullif(current_setting('app.actor', true), ''), '{}')::jsonb;
  said jsonb := coalesce(NEW.movement, '{}');
  hand bigint := NEW.on_hand - CASE WHEN TG_OP = 'UPDATE' THEN OLD.on_hand ELSE 0 END;
  held bigint := NEW.reserved - CASE WHEN TG_OP = 'UPDATE' THEN OLD.reserved ELSE 0 END;
BEGIN
  NEW.movement := NULL;
  IF hand = 0 AND held = 0 THEN RETURN NEW; END IF;
  INSERT INTO stock_movements (merchant_id, product_id, kind, on_hand_delta, reserved_delta, on_hand, reserved, order_id, reason, actor_type, actor_id)
  VALUES (NEW.merchant_id, NEW.id,
          CASE WHEN held = 0 THEN 'adjustment' WHEN held > 0 THEN 'reservation' WHEN hand = 0 THEN 'release' ELSE 'sale' END,
          hand, held, NEW.on_hand, NEW.reserved, (said ->> 'orderId')::uuid, said ->> 'reason',
          coalesce(actor ->> 'type', 'system'), (actor ->> 'id')::uuid);
  RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION keep_stock_movement() FROM PUBLIC;
CREATE TRIGGER products_stock BEFORE INSERT OR UPDATE ON products FOR EACH ROW EXECUTE FUNCTION keep_stock_movement();

-- What was reserved before there was a ledger belongs to the orders that stand open; the rest is the opening stock.
INSERT INTO stock_movements (merchant_id, product_id, kind, on_hand_delta, reserved_delta, on_hand, reserved, reason, actor_type)
  SELECT merchant_id, id, 'adjustment', on_hand, reserved, on_hand, reserved, 'As it was when the ledger began', 'system'
  FROM products WHERE on_hand <> 0 OR reserved <> 0;
ALTER TABLE products FORCE ROW LEVEL SECURITY;
SELECT audit_table('products', 'product', '{reserved,updated_at,movement}');
