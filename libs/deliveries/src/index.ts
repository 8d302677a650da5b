export type { DeliveryStatus, Destination } from './delivery.entity.js';
export { DeliveryService, DeliveryView } from './delivery.service.js';
export { DeliveriesModule } from './deliveries.module.js';
