-- Events by month, by ranges of their ids, as messages are by week (ADR 10, ADR 15).

-- Nothing refers to an event by a foreign key: the relay writes what is to be done about an event in the transaction that hands it on,
-- and a month may go as a whole. Each reference would cost a look at the event for every reaction and every delivery.
ALTER TABLE webhook_deliveries DROP CONSTRAINT webhook_deliveries_merchant_id_event_id_fkey;
ALTER TABLE event_reactions DROP CONSTRAINT event_reactions_merchant_id_event_id_fkey;

-- The owner moves the rows, and a forced policy would show it none.
ALTER TABLE events NO FORCE ROW LEVEL SECURITY;
ALTER TABLE events RENAME TO events_before;
ALTER INDEX events_pkey RENAME TO events_before_pkey;
ALTER INDEX events_undispatched RENAME TO events_before_undispatched;
ALTER INDEX events_history RENAME TO events_before_history;

-- The outbox and the history in one. `position` is given by the relay when it hands an event on: NULL means not yet.
CREATE TABLE events (
  merchant_id uuid NOT NULL REFERENCES merchants,
  id          uuid NOT NULL DEFAULT uuidv7(),
  type        text NOT NULL,
  subject     text NOT NULL,
  data        json NOT NULL,  -- not jsonb: receivers get the keys in the order in which they were written
  request_id  text,
  position    bigint,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (merchant_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX events_undispatched ON events (id) WHERE position IS NULL;
CREATE INDEX events_history ON events (merchant_id, position) WHERE position IS NOT NULL;
-- Nothing is lost when nobody made the month's own partition in time.
CREATE TABLE events_rest PARTITION OF events DEFAULT;
ALTER TABLE events_rest ENABLE ROW LEVEL SECURITY;
ALTER TABLE events_rest FORCE ROW LEVEL SECURITY;

CREATE FUNCTION month_floor(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT (lpad(to_hex((extract(epoch FROM date_trunc('month', at, 'UTC')) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- Makes the partitions of all months from `since` until `until` that have none, attached and not created in place, as
-- make_message_partitions does and for its reasons. @returns how many were made
CREATE FUNCTION make_event_partitions(since timestamptz, until timestamptz) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  month timestamptz;
  name text;
  made int := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('event partitions', 0));
  FOR month IN SELECT generate_series(date_trunc('month', since, 'UTC'), until, interval '1 month', 'UTC') LOOP
    name := to_char(month AT TIME ZONE 'UTC', '"events_"YYYY"m"MM');
    CONTINUE WHEN to_regclass(name) IS NOT NULL;
    EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   name, month_floor(month), month_floor(date_add(month, interval '1 month', 'UTC')));
    PERFORM expect_rows(name::regclass);
    made := made + 1;
  END LOOP;
  RETURN made;
END $$;
REVOKE ALL ON FUNCTION make_event_partitions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION make_event_partitions TO soko_system;

-- Drops the months that ended before `until`, and never one that ended less than a month ago. Gives up, until it is asked again, when
-- somebody reads them for long. The caller sees to it that nothing in them is still to be done. @returns how many were dropped
CREATE FUNCTION drop_event_partitions(until timestamptz) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  name text;
  dropped int := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('event partitions', 0));
  FOR name IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'events'::regclass AND c.relname ~ '^events_\d{4}m\d{2}$'
      AND (to_date(substr(c.relname, 8), 'YYYY"m"MM') + interval '1 month') AT TIME ZONE 'UTC' <= least(until, now() - interval '1 month')
  LOOP
    EXECUTE format('DROP TABLE %I', name);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END $$;
REVOKE ALL ON FUNCTION drop_event_partitions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION drop_event_partitions TO soko_system;

SELECT make_event_partitions(coalesce((SELECT min(created_at) FROM events_before), now()) - interval '7 days', now() + interval '26 weeks');
INSERT INTO events (merchant_id, id, type, subject, data, request_id, position, created_at)
  SELECT merchant_id, id, type, subject, data, request_id, position, created_at FROM events_before;
DROP TABLE events_before;
SELECT protect_tenant_table('events');
SELECT allow_system('events', 'SELECT, UPDATE');
