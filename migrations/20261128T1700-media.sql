-- Bytes, kept once for each merchant however often they are uploaded. They lie in the media store under merchant_id/id/<variant>.
CREATE TABLE media_blobs (
  merchant_id uuid NOT NULL REFERENCES merchants,
  id          uuid NOT NULL DEFAULT uuidv7(),
  hash        text NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$'),   -- SHA-256 of what was uploaded
  size        bigint NOT NULL CHECK (size > 0),                -- bytes of what was uploaded
  mime_type   text NOT NULL,                                   -- of what was uploaded, by its bytes
  status      text NOT NULL CHECK (status IN ('storing', 'processing', 'ready', 'failed', 'removing')),
  reason      text,                                            -- why it failed, for the merchant
  variants    jsonb NOT NULL DEFAULT '{}',
  blurhash    text,
  width       int,
  height      int,
  attempts    int NOT NULL DEFAULT 0,
  claimed_until timestamptz,                                   -- a worker is at it
  ring_at     timestamptz,                                     -- NULL: nothing to do
  touched_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (merchant_id, id)
) WITH (fillfactor = 85);
-- What is still being written, is being removed, or cannot be used, stands in nobody's way: the same bytes come under another id, and so to
-- another place. Of several that were written at once the first to be whole stays.
CREATE UNIQUE INDEX media_blobs_once ON media_blobs (merchant_id, hash) WHERE status IN ('processing', 'ready');
CREATE INDEX media_blobs_ring ON media_blobs (ring_at) WHERE ring_at IS NOT NULL;
CREATE INDEX media_blobs_left ON media_blobs (touched_at) WHERE status IN ('storing', 'removing');
SELECT protect_tenant_table('media_blobs');
SELECT allow_system('media_blobs', 'SELECT, UPDATE, DELETE');

-- A file as a merchant or a customer sent it. Several may share their bytes.
CREATE TABLE media_files (
  merchant_id uuid NOT NULL,
  id          uuid NOT NULL DEFAULT uuidv7(),
  blob_id     uuid NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('image', 'video', 'audio', 'document', 'sticker')),
  mime_type   text NOT NULL,
  filename    text NOT NULL,
  origin      text NOT NULL CHECK (origin IN ('upload', 'inbound')),
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (merchant_id, id),
  FOREIGN KEY (merchant_id, blob_id) REFERENCES media_blobs (merchant_id, id)
);
CREATE INDEX media_files_blob ON media_files (merchant_id, blob_id);
SELECT protect_tenant_table('media_files');
SELECT allow_system('media_files', 'SELECT');

CREATE TABLE product_media (
  merchant_id uuid NOT NULL,
  product_id  uuid NOT NULL,
  media_id    uuid NOT NULL,
  position    int NOT NULL CHECK (position >= 0),
  PRIMARY KEY (merchant_id, product_id, media_id),
  UNIQUE (merchant_id, product_id, position) DEFERRABLE,
  FOREIGN KEY (merchant_id, product_id) REFERENCES products (merchant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (merchant_id, media_id) REFERENCES media_files (merchant_id, id)
);
CREATE INDEX product_media_file ON product_media (merchant_id, media_id);
SELECT protect_tenant_table('product_media');
