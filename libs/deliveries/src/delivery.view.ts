import type { DeliveryHistoryView, DeliveryView, DriverView } from './delivery.dto.js';
import type { DeliveryTask } from './delivery.entity.js';
import type { DeliveryHistoryRow, OrderFacts } from './delivery.row.js';

export const driverOf = ({ driverId, driverName }: DeliveryTask): { driver?: DriverView } =>
  driverName === null ? {} : { driver: { ...(driverId ? { id: driverId } : {}), name: driverName } };

export function viewOf(task: DeliveryTask, order: OrderFacts): DeliveryView {
  const { latitude, longitude, accuracy, locatedAt } = task;
  return {
    id: task.id,
    orderId: task.orderId,
    orderNumber: order.number,
    status: task.status,
    customer: { phone: order.customer_phone, ...(order.customer_name ? { name: order.customer_name } : {}) },
    ...(task.destination ? { destination: task.destination } : {}),
    ...driverOf(task),
    attempt: task.attempt,
    ...(task.reason ? { reason: task.reason } : {}),
    ...(latitude !== null && longitude !== null && locatedAt
      ? { position: { latitude, longitude, ...(accuracy === null ? {} : { accuracy }), at: locatedAt.toISOString() } }
      : {}),
    ...(task.proof ? { proof: task.proof } : {}),
    ...(task.photoId ? { photoId: task.photoId } : {}),
    ...(task.startedAt ? { startedAt: task.startedAt.toISOString() } : {}),
    ...(task.closedAt ? { closedAt: task.closedAt.toISOString() } : {}),
    createdAt: task.createdAt.toISOString(),
  };
}

export const historyView = (row: DeliveryHistoryRow): DeliveryHistoryView => ({
  ...(row.from_status ? { from: row.from_status } : {}),
  to: row.to_status,
  ...(row.driver_name ? { driver: row.driver_name } : {}),
  actor: row.actor,
  ...(row.reason ? { reason: row.reason } : {}),
  at: row.created_at.toISOString(),
});
