import { join, resolve } from 'node:path';
import { Module } from '@nestjs/common';
import { publicUrl, Settings } from '@soko/config';
import { LocalLinks } from './local-links.js';
import { MediaBlobs } from './media-blobs.js';
import { MediaSweep } from './media-sweep.js';
import { MediaClaims } from './media-processor-claims.js';
import { MediaService } from './media.service.js';
import { LocalMediaStore, type MediaStore, S3MediaStore } from './media-store.js';
import { MEDIA_STORE, TEMPORARY } from './tokens.js';

async function storeOf(settings: Settings, links: LocalLinks): Promise<MediaStore> {
  const { S3_BUCKET, S3_ENDPOINT, S3_REGION, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY, S3_FORCE_PATH_STYLE } = settings;
  if (!S3_BUCKET) return new LocalMediaStore(join(resolve(settings.SOKO_DATA_DIR), 'media'), links);
  return S3MediaStore.open(S3_BUCKET, {
    region: S3_REGION,
    forcePathStyle: S3_FORCE_PATH_STYLE,
    ...(S3_ENDPOINT ? { endpoint: S3_ENDPOINT } : {}),
    // Without them the library looks for a role of the machine.
    ...(S3_ACCESS_KEY_ID && S3_SECRET_ACCESS_KEY
      ? { credentials: { accessKeyId: S3_ACCESS_KEY_ID, secretAccessKey: S3_SECRET_ACCESS_KEY } }
      : {}),
  });
}

@Module({
  providers: [
    {
      provide: LocalLinks,
      inject: [Settings],
      useFactory: (settings: Settings) => new LocalLinks(`${publicUrl(settings)}/media`, settings.JWT_SECRET),
    },
    { provide: MEDIA_STORE, inject: [Settings, LocalLinks], useFactory: storeOf },
    {
      provide: TEMPORARY,
      inject: [Settings],
      useFactory: ({ SOKO_DATA_DIR }: Settings) => join(resolve(SOKO_DATA_DIR), 'tmp', 'media'),
    },
    MediaBlobs,
    MediaClaims,
    MediaService,
    MediaSweep,
  ],
  exports: [LocalLinks, MEDIA_STORE, TEMPORARY, MediaBlobs, MediaClaims, MediaService, MediaSweep],
})
export class MediaModule {}
