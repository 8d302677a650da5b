export {
  CodeLockedError,
  DeliveryTransitionError,
  NoCodeError,
  NotAPhotoError,
  NotInTransitError,
  ProofError,
  TrackingLinkError,
  UnknownDriverError,
  WrongCodeError,
} from './deliveries.errors.js';
export { LOCK_MINUTES } from './delivery-code.js';
export { DeliveriesModule } from './deliveries.module.js';
export {
  AssignBody,
  CompleteBody,
  DeliveryDetailView,
  DeliveryQuery,
  DeliveryView,
  FailBody,
  LocatedView,
  LocationBody,
} from './delivery.dto.js';
export { DeliveryPhotoService } from './delivery-photo.service.js';
export type { Destination } from './delivery.entity.js';
export { DeliveryService } from './delivery.service.js';
export type { DeliveryStatus } from './delivery-state.js';
export type { By } from './delivery.store.js';
export { type GeoPoint, type Tracked, type TrackedStatus, TrackingService } from './tracking.service.js';
