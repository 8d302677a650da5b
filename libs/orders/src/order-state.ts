import type { OrderStatus } from '@soko/contracts';

export const ORDER_ACTIONS = ['confirm', 'reject', 'prepare', 'dispatch', 'deliver', 'cancel'] as const;
export type OrderAction = (typeof ORDER_ACTIONS)[number];

/** What happens to the order's stock when it takes a step. */
export type StockEffect = 'reserve' | 'release' | 'ship' | 'none';

export interface Transition {
  to: OrderStatus;
  stock: StockEffect;
}

const TABLE: Record<OrderStatus, Partial<Record<OrderAction, Transition>>> = {
  pending: {
    confirm: { to: 'confirmed', stock: 'reserve' },
    reject: { to: 'rejected', stock: 'none' },
    cancel: { to: 'cancelled', stock: 'none' },
  },
  confirmed: { prepare: { to: 'preparing', stock: 'none' }, cancel: { to: 'cancelled', stock: 'release' } },
  preparing: { dispatch: { to: 'out_for_delivery', stock: 'none' }, cancel: { to: 'cancelled', stock: 'release' } },
  out_for_delivery: { deliver: { to: 'delivered', stock: 'ship' }, cancel: { to: 'cancelled', stock: 'release' } },
  delivered: {},
  rejected: {},
  cancelled: {},
};

/** The step that `action` takes from `status`; undefined when it is not allowed there. */
export const transition = (status: OrderStatus, action: OrderAction): Transition | undefined => TABLE[status][action];

/** The actions that `status` allows. */
export const allowedActions = (status: OrderStatus): OrderAction[] => ORDER_ACTIONS.filter((action) => TABLE[status][action]);
