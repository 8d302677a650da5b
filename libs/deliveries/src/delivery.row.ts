import type { DeliveryStatus } from './delivery-state.js';

/** What a delivery must know of its order. */
export interface OrderFacts {
  number: number;
  customer_phone: string;
  customer_name: string | null;
}

export interface DeliveryHistoryRow {
  from_status: DeliveryStatus | null;
  to_status: DeliveryStatus;
  driver_name: string | null;
  actor: string;
  reason: string | null;
  created_at: Date;
}
