import { IsIn, IsLatitude, IsLongitude, IsNumber, IsString, IsUUID, Length, Matches, Max, Min } from 'class-validator';
import { Optional, PageQuery } from '@soko/common';
import { DELIVERY_STATUSES, type DeliveryStatus } from './delivery-state.js';
import type { DeliveryProof } from './delivery.entity.js';

export class DeliveryQuery extends PageQuery {
  @Optional() @IsIn(DELIVERY_STATUSES) status?: DeliveryStatus;
  /** The id of a user: what they were given. */
  @Optional() @IsUUID() driver?: string;
}

export class AssignBody {
  /** Of a user of the team: a driver, or anybody else who drives. */
  @IsUUID() driverId!: string;
}
export class LocationBody {
  /** @example -17.8292 */
  @IsNumber() @IsLatitude() latitude!: number;
  /** @example 31.0522 */
  @IsNumber() @IsLongitude() longitude!: number;
  /** In metres. @example 12 */
  @Optional() @IsNumber() @Min(0) @Max(100_000) accuracy?: number;
}
/** One of both. */
export class CompleteBody {
  /** What the customer was sent. @example "0482" */
  @Optional() @Matches(/^\d{4}$/, { message: 'code must be four digits' }) code?: string;
  /** Of a photo, in place of the code. */
  @Optional() @IsUUID() mediaId?: string;
}
export class FailBody {
  /** @example "Nobody at home" */
  @IsString() @Length(1, 500) reason!: string;
}

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
export class DeliveryCustomerView {
  /** @example +263771234567 */
  phone!: string;
  /** @example Rudo */
  name?: string;
}
export class DriverView {
  /** Missing when they are not in the team any more. */
  id?: string;
  /** @example Tapiwa */
  name!: string;
}
export class PositionView extends GeoPointView {
  /** In metres. @example 12 */
  accuracy?: number;
  at!: string;
}
export class DeliveryView {
  id!: string;
  orderId!: string;
  /** @example 42 */
  orderNumber!: number;
  /** @example in_transit */
  status!: DeliveryStatus;
  customer!: DeliveryCustomerView;
  destination?: DestinationView;
  driver?: DriverView;
  /** How often somebody has set out with it. @example 1 */
  attempt!: number;
  /** Why it failed. @example "Nobody at home" */
  reason?: string;
  /** Where the driver was last, on this way. */
  position?: PositionView;
  /** code, photo, or none when somebody said so by hand. @example code */
  proof?: DeliveryProof;
  photoId?: string;
  startedAt?: string;
  /** When it ended: it was delivered, or its order was cancelled. */
  closedAt?: string;
  createdAt!: string;
}
export class DeliveryHistoryView {
  /** @example assigned */
  from?: DeliveryStatus;
  /** @example in_transit */
  to!: DeliveryStatus;
  /** Who had it then. @example Tapiwa */
  driver?: string;
  /** `system`, `bot`, or the id of a user or an API key. @example system */
  actor!: string;
  /** @example "Nobody at home" */
  reason?: string;
  at!: string;
}
export class DeliveryDetailView extends DeliveryView {
  /** What the customer was sent to follow it by; there is none before the first start. @example https://soko.example.com/track/7d0e1c2b9a */
  trackingUrl?: string;
  history!: DeliveryHistoryView[];
}
export class LocatedView {
  /** At most one position in ten seconds is kept. @example true */
  kept!: boolean;
}
