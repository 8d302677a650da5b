import type { DeliveryStatus } from './delivery.entity.js';

export class GeoPointView {
  /** @example -17.8292 */
  latitude!: number;
  /** @example 31.0522 */
  longitude!: number;
}
/** Where the goods go. */
export class DestinationView {
  /** @example "12 Samora Machel Ave, Harare" */
  address?: string;
  location?: GeoPointView;
}
export class DeliveryView {
  id!: string;
  orderId!: string;
  /** @example pending */
  status!: DeliveryStatus;
  destination?: DestinationView;
  createdAt!: string;
}
