import { ORDER_STATUSES, type OrderStatus } from '@soko/contracts';

/**
 * A pending order is in one of three phases: nothing is reserved yet; its goods are held until it is paid; or it was not paid in time, and
 * the goods were let go.
 */
export const ORDER_PHASES = [...ORDER_STATUSES, 'held', 'lapsed'] as const;
export type OrderPhase = (typeof ORDER_PHASES)[number];

export const ORDER_ACTIONS = ['confirm', 'reject', 'hold', 'lapse', 'prepare', 'dispatch', 'deliver', 'cancel'] as const;
export type OrderAction = (typeof ORDER_ACTIONS)[number];
/** Those that people take; the others are ours. */
export const MANUAL_ACTIONS = ['confirm', 'prepare', 'dispatch', 'deliver', 'cancel'] as const satisfies OrderAction[];

/** What happens to the order's stock when it takes a step. */
export type StockEffect = 'reserve' | 'release' | 'ship' | 'none';

export interface Transition {
  to: OrderPhase;
  stock: StockEffect;
}

const TABLE: Record<OrderPhase, Partial<Record<OrderAction, Transition>>> = {
  pending: {
    confirm: { to: 'confirmed', stock: 'reserve' },
    hold: { to: 'held', stock: 'reserve' },
    reject: { to: 'rejected', stock: 'none' },
    cancel: { to: 'cancelled', stock: 'none' },
  },
  held: {
    confirm: { to: 'confirmed', stock: 'none' },
    lapse: { to: 'lapsed', stock: 'release' },
    cancel: { to: 'cancelled', stock: 'release' },
  },
  lapsed: {
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

/** The step that `action` takes from `phase`; undefined when it is not allowed there. */
export const transition = (phase: OrderPhase, action: OrderAction): Transition | undefined => TABLE[phase][action];

/** The actions that `phase` allows. */
export const allowedActions = (phase: OrderPhase): OrderAction[] => ORDER_ACTIONS.filter((action) => TABLE[phase][action]);

/** The phase as the world sees it. */
export const statusOf = (phase: OrderPhase): OrderStatus => (phase === 'held' || phase === 'lapsed' ? 'pending' : phase);

/** What is to be done about a pending order now, by itself. */
export type DueStep = 'confirm' | 'hold' | 'lapse' | 'cancel' | 'wait';

/** Who pays on delivery is confirmed at once. Who pays first has the goods kept for a while, and after that the order for a while longer. */
export function dueStep(
  order: { phase: OrderPhase; prepaid: boolean; paid: boolean; heldUntil: Date | null },
  now: Date,
): DueStep {
  if (statusOf(order.phase) !== 'pending') return 'wait';
  if (!order.prepaid || order.paid) return 'confirm';
  if (order.phase === 'pending') return 'hold';
  if (order.heldUntil! > now) return 'wait';
  return order.phase === 'held' ? 'lapse' : 'cancel';
}
