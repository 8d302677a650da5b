-- Every state that a template was in, by whom and why; which of them a message was rendered from; and the counterparts at Meta.

DROP TRIGGER audit ON message_templates;
-- The owner copies rows below, and forced policies would show it none.
ALTER TABLE message_templates NO FORCE ROW LEVEL SECURITY;
ALTER TABLE message_templates DROP CONSTRAINT message_templates_merchant_id_name_language_key;
ALTER TABLE message_templates
  ADD COLUMN version int NOT NULL DEFAULT 1,
  ADD COLUMN reason text,                    -- why it was changed last
  -- What Meta has approved for it: its name and language there, and which variable goes where.
  ADD COLUMN cloud jsonb,
  ADD COLUMN cloud_status text CHECK (cloud_status IN ('approved', 'pending', 'rejected', 'paused', 'disabled', 'missing')),
  ADD COLUMN cloud_reason text,
  ADD COLUMN cloud_checked_at timestamptz,   -- NULL: Meta was not asked yet
  ADD COLUMN updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Its messages are still to be understood, so it stays.
  ADD COLUMN deleted_at timestamptz,
  -- A file that a template would be sent with cannot be deleted.
  ADD COLUMN media_id uuid GENERATED ALWAYS AS (CASE WHEN type = 'media' AND deleted_at IS NULL THEN (content ->> 'mediaId')::uuid END) STORED,
  ADD CHECK (category IN ('utility', 'marketing', 'authentication')),
  ADD FOREIGN KEY (merchant_id, media_id) REFERENCES media_files (merchant_id, id);
UPDATE message_templates SET updated_at = created_at;
CREATE UNIQUE INDEX message_templates_name ON message_templates (merchant_id, name, language) WHERE deleted_at IS NULL;
CREATE INDEX message_templates_media ON message_templates (merchant_id, media_id) WHERE media_id IS NOT NULL;

-- Outlives its template: messages point at it.
CREATE TABLE template_versions (
  merchant_id uuid NOT NULL REFERENCES merchants,
  template_id uuid NOT NULL,
  version     int NOT NULL,
  name        text NOT NULL,
  language    text NOT NULL,
  type        text NOT NULL,
  category    text NOT NULL,
  status      text NOT NULL,
  content     jsonb NOT NULL,
  variables   jsonb NOT NULL,
  cloud       jsonb,
  actor_type  text NOT NULL,
  actor_id    uuid,
  actor_role  text,
  reason      text,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (merchant_id, template_id, version)
);
SELECT protect_tenant_table('template_versions');
REVOKE INSERT, UPDATE, DELETE ON template_versions FROM soko_app;
CREATE POLICY writer ON template_versions TO soko_owner USING (true) WITH CHECK (true);
CREATE TRIGGER template_versions_append_only BEFORE UPDATE OR DELETE ON template_versions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER template_versions_no_truncate BEFORE TRUNCATE ON template_versions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Whoever writes a template: what changes it makes a version, and what leaves it as it was makes none. What Meta said of another
-- counterpart says nothing of this one.
CREATE FUNCTION count_template_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.version := 1;
    RETURN NEW;
  END IF;
  IF (NEW.name, NEW.language, NEW.type, NEW.category, NEW.status, NEW.content, NEW.variables, NEW.cloud)
     IS DISTINCT FROM (OLD.name, OLD.language, OLD.type, OLD.category, OLD.status, OLD.content, OLD.variables, OLD.cloud) THEN
    NEW.version := OLD.version + 1;
    NEW.updated_at := clock_timestamp();
  ELSE
    NEW.version := OLD.version;
    NEW.updated_at := OLD.updated_at;
    NEW.reason := OLD.reason;
  END IF;
  IF (NEW.cloud ->> 'name', NEW.cloud ->> 'language') IS DISTINCT FROM (OLD.cloud ->> 'name', OLD.cloud ->> 'language') THEN
    NEW.cloud_status := NULL;
    NEW.cloud_reason := NULL;
    NEW.cloud_checked_at := NULL;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER message_templates_count BEFORE INSERT OR UPDATE ON message_templates
  FOR EACH ROW EXECUTE FUNCTION count_template_version();

CREATE FUNCTION keep_template_version() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  actor jsonb := coalesce(nullif(current_setting('app.actor', true), ''), '{}')::jsonb;
BEGIN
  INSERT INTO template_versions (merchant_id, template_id, version, name, language, type, category, status, content, variables, cloud,
                                 actor_type, actor_id, actor_role, reason)
  VALUES (NEW.merchant_id, NEW.id, NEW.version, NEW.name, NEW.language, NEW.type, NEW.category, NEW.status, NEW.content, NEW.variables, NEW.cloud,
          coalesce(actor ->> 'type', 'system'), (actor ->> 'id')::uuid, actor ->> 'role', NEW.reason);
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION keep_template_version() FROM PUBLIC;
CREATE TRIGGER message_templates_keep_first AFTER INSERT ON message_templates
  FOR EACH ROW EXECUTE FUNCTION keep_template_version();
CREATE TRIGGER message_templates_keep AFTER UPDATE ON message_templates
  FOR EACH ROW WHEN (NEW.version <> OLD.version) EXECUTE FUNCTION keep_template_version();

-- Left out: what Meta says, and what repeats the rest.
SELECT audit_table('message_templates', 'template', '{cloud_status,cloud_reason,cloud_checked_at,version,updated_at,media_id}');

INSERT INTO template_versions (merchant_id, template_id, version, name, language, type, category, status, content, variables, actor_type, created_at)
  SELECT merchant_id, id, 1, name, language, type, category, status, content, variables, 'system', created_at FROM message_templates;

-- The number of an order is a name, not a quantity: nobody writes #1,042. What may be unknown has words of the template's own now.
UPDATE message_templates SET reason = 'Numbers of orders are no quantities; defaults for what may be unknown.', variables = (
  SELECT jsonb_agg(CASE v ->> 'name' WHEN 'number' THEN v || '{"type": "text"}' WHEN 'customer' THEN '{"default": "dear customer"}' || v
                                     WHEN 'reason' THEN '{"default": "we cannot deliver it"}' || v ELSE v END ORDER BY n)
  FROM jsonb_array_elements(variables) WITH ORDINALITY AS each (v, n))
WHERE name IN ('order_confirmation', 'order_rejected', 'order_update') AND jsonb_array_length(variables) > 0;
-- News of a delivery have a text of their own now; at first the one that they had so far.
INSERT INTO message_templates (merchant_id, name, type, language, category, status, content, variables, reason)
  SELECT merchant_id, 'delivery_update', type, language, category, status, content, variables, 'Made of order_update.'
  FROM message_templates WHERE name = 'order_update' ON CONFLICT DO NOTHING;

-- What a message was rendered from, and what Meta gets of it when the window is closed.
ALTER TABLE messages
  ADD COLUMN template_id uuid,
  ADD COLUMN template_version int,
  ADD COLUMN cloud_template jsonb,
  ADD FOREIGN KEY (merchant_id, template_id, template_version) REFERENCES template_versions (merchant_id, template_id, version);

SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE message_templates FORCE ROW LEVEL SECURITY;
