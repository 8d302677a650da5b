export type { DeliveryStatus, Destination } from './delivery.entity.js';
export { DeliveryView } from './delivery.dto.js';
export { DeliveryService } from './delivery.service.js';
export { DeliveriesModule } from './deliveries.module.js';
