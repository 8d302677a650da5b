import { Injectable } from '@nestjs/common';
import { Tenancy } from '@soko/database';
import { type Declared, type IncomingFile, MediaService, type MediaView } from '@soko/media';
import { NotAPhotoError, NotInTransitError } from './deliveries.errors.js';
import { type By, DeliveryStore } from './delivery.store.js';

/** Photos of drivers, who have nothing else to do with the merchant's files. */
@Injectable()
export class DeliveryPhotoService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly store: DeliveryStore,
    private readonly media: MediaService,
  ) {}

  /** Keeps what was photographed on the way; it proves nothing yet. @throws NotFoundError, NotInTransitError, NotAPhotoError */
  async keep(merchantId: string, id: string, by: By, file: IncomingFile, declared: Declared): Promise<MediaView> {
    const { status } = await this.tenancy.run(merchantId, (tx) => this.store.find(tx, id, by));
    if (status !== 'in_transit') throw new NotInTransitError(status);
    if (file.kind !== 'image') throw new NotAPhotoError('file', `it is a ${file.kind}`);
    return this.media.keep(merchantId, file, declared, 'upload');
  }
}
