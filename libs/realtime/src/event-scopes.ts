import { allEvents } from '@soko/contracts';
import type { Caller, Scope } from '@soko/identity';
import { EventsHiddenError } from './realtime.errors.js';

/**
 * What it takes, besides `events:read`, to be told of an event: what it takes to read the thing itself. Whoever has `events:read` and nothing
 * else is a listener: told of everything that takes no more than reading. A type without a line is shown to nobody, and a test finds it.
 */
export const EVENT_SCOPES: Readonly<Record<string, Scope>> = {
  message_received: 'messages:read',
  message_sent: 'messages:read',
  message_failed: 'messages:read',
  contact_consent_changed: 'messages:read',
  number_claimed: 'messages:read',
  number_proven: 'messages:read',
  chat_handed_over: 'messages:read',
  broadcast_started: 'messages:read',
  broadcast_finished: 'messages:read',
  order_created: 'orders:read',
  order_status_changed: 'orders:read',
  order_held: 'orders:read',
  order_hold_ended: 'orders:read',
  delivery_assigned: 'deliveries:read',
  delivery_started: 'deliveries:read',
  delivery_completed: 'deliveries:read',
  delivery_failed: 'deliveries:read',
  product_updated: 'catalog:read',
  stock_low: 'catalog:read',
  payment_requested: 'payments:read',
  payment_received: 'payments:read',
  payment_failed: 'payments:read',
  payment_refunded: 'payments:read',
  payment_refund_due: 'payments:read',
  bot_connected: 'channels:read',
  bot_disconnected: 'channels:read',
  channel_failed: 'channels:read',
  channel_restricted: 'channels:read',
  // It carries what links a phone to the channel.
  channel_linking: 'channels:write',
  template_state_changed: 'templates:read',
  webhook_failing: 'webhooks:read',
  webhook_disabled: 'webhooks:read',
  merchant_registered: 'events:read',
};

function sees(scopes: ReadonlySet<Scope>, type: string): boolean {
  const needed = EVENT_SCOPES[type];
  if (!needed) return false;
  const listener = scopes.size === 1 && scopes.has('events:read');
  return scopes.has(needed) || (listener && needed.endsWith(':read'));
}

/**
 * The types that `caller` is told of: those they asked for, or all that they may see.
 * @throws EventsHiddenError where they asked for one that they may not see
 */
export function visibleTypes({ scopes }: Pick<Caller, 'scopes'>, asked?: string[]): ReadonlySet<string> {
  const types = asked ?? allEvents().map(({ type }) => type);
  const hidden = types.filter((type) => !sees(scopes, type));
  if (asked && hidden.length > 0) throw new EventsHiddenError(hidden[0]!, EVENT_SCOPES[hidden[0]!]);
  return new Set(types.filter((type) => !hidden.includes(type)));
}

/** Whether nothing that happens is left out. */
export const isEverything = (types: ReadonlySet<string>): boolean => allEvents().every(({ type }) => types.has(type));
