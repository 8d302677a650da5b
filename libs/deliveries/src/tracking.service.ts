import { Injectable } from '@nestjs/common';
import { SystemDb, Tenancy, type TenantTx } from '@soko/database';
import { MerchantService } from '@soko/identity';
import { TrackingLinkError } from './deliveries.errors.js';
import type { DeliveryTask, Destination } from './delivery.entity.js';
import { DeliveryStore, hashOfToken } from './delivery.store.js';

export type GeoPoint = NonNullable<Destination['location']>;

/** `waiting` for a driver who sets out (again); `cancelled` ends it like `delivered`. */
export type TrackedStatus = 'waiting' | 'in_transit' | 'delivered' | 'failed' | 'cancelled';

/** What the customer may see of a delivery: no address, no number, no code. */
export interface Tracked {
  shop: string;
  /** The shop's own language. */
  locale: string;
  orderNumber: number;
  status: TrackedStatus;
  /** First name. */
  driver?: string;
  destination?: GeoPoint;
  /** The rest only while somebody is on the way: where the driver goes afterwards is the driver's affair. */
  position?: GeoPoint & { at: Date };
  /** Where the driver was on this way, oldest first. */
  path: GeoPoint[];
}

/** A link lives so long after its delivery has ended. */
const LIVES = '24 hours';
const TOKEN = /^[0-9a-f]{40}$/;
/** As much as a small map can show. */
const MOST_POINTS = 200;

/** The customer's side of a delivery, for whoever has the link. */
@Injectable()
export class TrackingService {
  constructor(
    private readonly system: SystemDb,
    private readonly tenancy: Tenancy,
    private readonly store: DeliveryStore,
    private readonly merchants: MerchantService,
  ) {}

  /** @throws TrackingLinkError */
  async find(token: string): Promise<Tracked> {
    const [found] = TOKEN.test(token)
      ? await this.system.query<{ merchant_id: string; order_id: string }>(
          `SELECT merchant_id, order_id FROM delivery_tasks
           WHERE tracking_hash = $1 AND (closed_at IS NULL OR closed_at > now() - interval '${LIVES}')`,
          [hashOfToken(token)],
        )
      : [];
    if (!found) throw new TrackingLinkError();
    return this.tenancy.run(found.merchant_id, (tx) => this.tracked(tx, found.order_id));
  }

  private async tracked(tx: TenantTx, orderId: string): Promise<Tracked> {
    const task = (await this.store.ofOrder(tx, orderId))!;
    const order = (await this.store.orders(tx, [orderId])).get(orderId)!;
    const { name, locale } = await this.merchants.get(tx);
    const { latitude, longitude, locatedAt, driverName, destination } = task;
    const status = trackedStatus(task);
    const moving = status === 'in_transit' && latitude !== null && longitude !== null && locatedAt !== null;
    return {
      shop: name,
      locale,
      orderNumber: order.number,
      status,
      ...(driverName && status === 'in_transit' ? { driver: driverName.trim().split(/\s+/)[0]! } : {}),
      ...(destination?.location ? { destination: destination.location } : {}),
      ...(moving ? { position: { latitude, longitude, at: locatedAt } } : {}),
      path: moving ? await path(tx, task) : [],
    };
  }
}

function trackedStatus({ status, closedAt }: DeliveryTask): TrackedStatus {
  if (status === 'failed') return closedAt ? 'cancelled' : 'failed';
  return status === 'pending' || status === 'assigned' ? 'waiting' : status;
}

async function path(tx: TenantTx, { id, attempt }: DeliveryTask): Promise<GeoPoint[]> {
  const rows = await tx.query<GeoPoint>(
    `SELECT latitude, longitude FROM delivery_positions WHERE merchant_id = $1 AND delivery_id = $2 AND attempt = $3 ORDER BY at DESC LIMIT ${MOST_POINTS}`,
    [tx.merchantId, id, attempt],
  );
  return rows.toReversed();
}
