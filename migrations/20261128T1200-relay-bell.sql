-- Told by the processes after their commits, and not by each statement: libs/database/src/relay-bell.ts says why.
DROP TRIGGER events_notify ON events;
DROP FUNCTION notify_relay();
