import { Module } from '@nestjs/common';
import { MediaModule } from '@soko/media';
import { DeliveryPhotoService } from './delivery-photo.service.js';
import { DeliveryService } from './delivery.service.js';
import { DeliveryStore } from './delivery.store.js';
import { TrackingService } from './tracking.service.js';

@Module({
  imports: [MediaModule],
  providers: [DeliveryStore, DeliveryService, DeliveryPhotoService, TrackingService],
  exports: [DeliveryService, DeliveryPhotoService, TrackingService],
})
export class DeliveriesModule {}
