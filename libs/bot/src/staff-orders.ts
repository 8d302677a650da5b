import type { OutboundContent } from '@soko/contracts';
import { MANUAL_ACTIONS, type OrderAction, transition } from '@soko/orders';
import { pageOf } from './catalogue-view.js';
import type { StaffMessageKey } from './messages/staff-en.js';
import * as say from './say.js';
import { READY, type StaffState } from './staff-state.js';
import type { ListedOrder, ShownOrder, StaffPart, StaffSpeaker, StaffTurn } from './staff-turn.js';
import { tapOn, type Want } from './staff-words.js';
import { statusWords } from './status-words.js';

type Action = (typeof MANUAL_ACTIONS)[number];

/** Lines that a message shows. */
const SHOWN = 10;

/** A page of today's orders. */
export function today({ data, speak }: StaffTurn, page: number): StaffPart {
  if (data.orders.length === 0)
    return { state: READY, replies: [say.buttons([helpButton(speak)], [speak.say('noOrdersToday')])] };
  const { at, pages, shown } = pageOf(data.orders, page);
  const rows = [
    ...shown.map((order) =>
      say.row(
        tapOn('orders', order.number),
        `#${order.number} ${nameOf(order)}`,
        `${statusWords(order.status, speak.language)} · ${speak.money(order.total)}`,
      ),
    ),
    ...moreRow(speak, at, pages),
    say.row(tapOn('help'), speak.say('help')),
  ];
  const intro = speak.say('ordersToday', { count: data.orders.length });
  return { state: { step: 'orders', page: at }, replies: [say.list(speak.say('show'), [{ rows }], [intro])] };
}

export const moreRow = (speak: StaffSpeaker, at: number, pages: number) =>
  pages > 1 ? [say.row(tapOn('more'), speak.say('more'), speak.say('page', { page: at + 1, pages }))] : [];
export const helpButton = (speak: StaffSpeaker) => ({ id: tapOn('help'), title: speak.say('help') });
const nameOf = ({ customer }: ListedOrder): string => customer.name ?? customer.phone;

/** One order, with what can be done about it. */
export function show({ data, speak }: StaffTurn, number: number, hint?: string): StaffPart {
  const order = data.named;
  if (order?.number !== number)
    return { state: READY, replies: [say.buttons([helpButton(speak)], [speak.say('noOrder', { number })])] };
  return { state: { step: 'order', number }, replies: [orderCard(speak, order, hint)] };
}

export function orderCard(speak: StaffSpeaker, order: ShownOrder, hint?: string): OutboundContent {
  const { number, customer, delivery } = order;
  const status = statusWords(order.status, speak.language);
  const place = delivery?.destination ?? order.destination;
  const where = place && (place.address ?? speak.say('sharedLocation'));
  const lines = [
    [speak.say('order', { number, status }), order.reason && say.clip(order.reason, 100)].filter(Boolean).join('\n'),
    linesOf(speak, order),
    [nameOf(order), customer.name && customer.phone, where && say.clip(where, 200)].filter(Boolean).join('\n'),
    delivery?.driver && speak.say('withDriver', { driver: say.clip(delivery.driver.name, 60) }),
    order.note && `“${say.clip(order.note, 100)}”`,
  ];
  const choices = allowed(order).map((action) => ({ id: tapOn(action, number), title: speak.say(action) }));
  return say.buttons(choices.length > 0 ? choices : [helpButton(speak)], [hint, ...lines]);
}

function linesOf(speak: StaffSpeaker, { items, total, paymentStatus }: ShownOrder): string {
  const rest = items.length - SHOWN;
  return [
    ...items.slice(0, SHOWN).map(({ quantity, name }) => `${quantity} × ${say.clip(name, 40)}`),
    ...(rest > 0 ? [speak.say('moreLines', { count: rest })] : []),
    speak.say('total', { amount: speak.money(total), money: speak.say(MONEY[paymentStatus]) }),
  ].join('\n');
}

const MONEY: Record<ShownOrder['paymentStatus'], StaffMessageKey> = {
  unpaid: 'unpaid',
  authorized: 'authorized',
  paid: 'paid',
  partially_refunded: 'partially_refunded',
  refunded: 'refunded',
  failed: 'paymentFailed',
};

/** What people may do now; a pending order allows the same in each of its phases. */
const allowed = ({ status }: ListedOrder): Action[] => MANUAL_ACTIONS.filter((action) => transition(status, action));

/** A step of the order that is named, or else of the one that was shown last. Cancelling is asked about first. */
export function act(turn: StaffTurn, state: StaffState, action: Action, { number, rest }: Want): StaffPart {
  const { data, speak } = turn;
  if (action === 'confirm' && number === undefined && state.step === 'cancelling') return decide(turn, state, true)!;
  const meant = number ?? (state.step === 'order' ? state.number : undefined);
  if (meant === undefined) return { state: READY, replies: [say.buttons([helpButton(speak)], [speak.say('whichOrder')])] };
  const order = data.named;
  if (order?.number !== meant) return show(turn, meant);
  if (!allowed(order).includes(action)) return show(turn, meant, refusal(speak, order));
  const reason = rest ? { reason: say.cut(rest, 500) } : {};
  if (action === 'cancel') return askCancel(turn, order, reason);
  return { state: { step: 'order', number: meant }, replies: [], commands: [moveOrder(order, action, reason.reason)] };
}

export const refusal = (speak: StaffSpeaker, { number, status }: ListedOrder): string =>
  speak.say('notNow', { number, status: statusWords(status, speak.language) });

const moveOrder = ({ id, number }: ListedOrder, action: OrderAction, reason?: string) =>
  ({ do: 'move-order', id, number, action, ...(reason ? { reason } : {}) }) as const;

function askCancel({ speak }: StaffTurn, order: ShownOrder, reason: { reason?: string }): StaffPart {
  const { number, total } = order;
  const choices = [
    { id: tapOn('yes', number), title: speak.say('yesCancel') },
    { id: tapOn('no', number), title: speak.say('noKeep') },
  ];
  const question = speak.say('reallyCancel', { number, customer: say.clip(nameOf(order), 60), amount: speak.money(total) });
  return { state: { step: 'cancelling', number, ...reason }, replies: [say.buttons(choices, [question])] };
}

/** Yes or no to what was asked last; nothing where nothing was, or it was about another order. */
export function decide({ data, speak, want }: StaffTurn, state: StaffState, yes: boolean): StaffPart | undefined {
  if (state.step !== 'cancelling' || (want?.number !== undefined && want.number !== state.number)) return undefined;
  const { number, reason } = state;
  const order = data.named;
  if (!yes || order?.number !== number || !allowed(order).includes('cancel')) {
    return { state: { step: 'order', number }, replies: [say.text(speak.say('kept', { number }))] };
  }
  return { state: { step: 'order', number }, replies: [], commands: [moveOrder(order, 'cancel', reason)] };
}

/** The order that a message is about: the one that it names, or the one that the question before it did. */
export function orderMeant(want: Want | undefined, state: StaffState): number | undefined {
  return want?.number ?? (state.step === 'order' || state.step === 'cancelling' ? state.number : undefined);
}
