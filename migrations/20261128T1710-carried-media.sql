-- A file that a message waits to be sent with cannot be deleted.
ALTER TABLE pending_sends ADD COLUMN media_id uuid;
ALTER TABLE pending_sends ADD FOREIGN KEY (merchant_id, media_id) REFERENCES media_files (merchant_id, id);
CREATE INDEX pending_sends_media ON pending_sends (merchant_id, media_id) WHERE media_id IS NOT NULL;

-- What a network keeps of a file that was uploaded to it, until it forgets it.
CREATE TABLE media_uploads (
  merchant_id uuid NOT NULL,
  media_id    uuid NOT NULL,
  channel_id  uuid NOT NULL,
  remote_id   text NOT NULL,
  expires_at  timestamptz NOT NULL,
  PRIMARY KEY (merchant_id, media_id, channel_id),
  FOREIGN KEY (merchant_id, media_id) REFERENCES media_files (merchant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (merchant_id, channel_id) REFERENCES channels (merchant_id, id) ON DELETE CASCADE
);
SELECT protect_tenant_table('media_uploads');
SELECT allow_system('media_uploads', 'SELECT, DELETE');

-- Files that came with a message and still lie with the network.
CREATE TABLE pending_media (
  merchant_id uuid NOT NULL,
  message_id  uuid NOT NULL,
  channel_id  uuid NOT NULL,
  attempts    int NOT NULL DEFAULT 0,
  due_at      timestamptz NOT NULL DEFAULT now(),
  ring_at     timestamptz NOT NULL DEFAULT now() + interval '10 seconds',
  PRIMARY KEY (merchant_id, message_id),
  FOREIGN KEY (merchant_id, message_id) REFERENCES messages (merchant_id, id)
);
CREATE INDEX pending_media_ring ON pending_media (ring_at);
SELECT protect_tenant_table('pending_media');
SELECT allow_system('pending_media', 'SELECT, UPDATE');
