import type { OrderStatus } from '@soko/contracts';

export const DELIVERY_STATUSES = ['pending', 'assigned', 'in_transit', 'delivered', 'failed'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** The first five are somebody's; the last two follow from what became of the order by other ways. */
export const DELIVERY_ACTIONS = ['assign', 'start', 'complete', 'fail', 'retry', 'settle', 'drop'] as const;
export type DeliveryAction = (typeof DELIVERY_ACTIONS)[number];

const TABLE: Record<DeliveryStatus, Partial<Record<DeliveryAction, DeliveryStatus>>> = {
  pending: { assign: 'assigned', start: 'in_transit', settle: 'delivered', drop: 'failed' },
  assigned: { assign: 'assigned', start: 'in_transit', settle: 'delivered', drop: 'failed' },
  in_transit: { complete: 'delivered', fail: 'failed', settle: 'delivered', drop: 'failed' },
  // Its order is on the way still, so another driver may try, or the customer comes for it.
  failed: { assign: 'assigned', retry: 'pending', settle: 'delivered', drop: 'failed' },
  delivered: {},
};

/** What a delivery does when its order has come to a status by hand, or by the clock. */
const FOLLOWS: Partial<Record<OrderStatus, DeliveryAction>> = {
  out_for_delivery: 'start',
  delivered: 'settle',
  cancelled: 'drop',
};

/** Where a delivery stands: one that is closed has ended, whatever its status. */
export interface DeliveryState {
  status: DeliveryStatus;
  closed: boolean;
}

/** Where `action` leads to; undefined when it is not allowed there. */
export const deliveryTransition = ({ status, closed }: DeliveryState, action: DeliveryAction): DeliveryStatus | undefined =>
  closed ? undefined : TABLE[status][action];

/** What somebody may do with it now. */
export const allowedDeliveryActions = (state: DeliveryState): DeliveryAction[] =>
  DELIVERY_ACTIONS.filter((action) => action !== 'settle' && action !== 'drop' && deliveryTransition(state, action));

/** Whether nothing can come after `action`. */
export const closes = (action: DeliveryAction): boolean => action === 'complete' || action === 'settle' || action === 'drop';

/** The step of a delivery whose order has come to `status`; undefined when it is there already, or has nothing to do with it. */
export function followingAction(state: DeliveryState, status: OrderStatus): DeliveryAction | undefined {
  const action = FOLLOWS[status];
  return action && deliveryTransition(state, action) ? action : undefined;
}
