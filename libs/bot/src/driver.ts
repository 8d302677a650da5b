import type { LocationContent, MediaPart } from '@soko/contracts';
import { pageOf } from './catalogue-view.js';
import * as say from './say.js';
import { helpButton, moreRow } from './staff-orders.js';
import { READY, type StaffState } from './staff-state.js';
import type { OwnDelivery, StaffPart, StaffTurn } from './staff-turn.js';
import { codeIn, tapOn, type Verb, type Want } from './staff-words.js';

/* What somebody has to bring: to set out, to be seen on the way, to hand over by a code or a photo, or to come back. */

/** A page of one's own deliveries. */
export function deliveries({ data, speak }: StaffTurn, page: number): StaffPart {
  if (data.deliveries.length === 0)
    return { state: READY, replies: [say.buttons([helpButton(speak)], [speak.say('noDeliveries')])] };
  const { at, pages, shown } = pageOf(data.deliveries, page);
  const rows = [
    ...shown.map((delivery) =>
      say.row(
        tapOn('deliveries', delivery.orderNumber),
        titleOf(delivery),
        [speak.say(isOnTheWay(delivery) ? 'inTransit' : 'assigned'), delivery.destination?.address].filter(Boolean).join(' · '),
      ),
    ),
    ...moreRow(speak, at, pages),
    say.row(tapOn('help'), speak.say('help')),
  ];
  const intro = speak.say('deliveries', { count: data.deliveries.length });
  return { state: { step: 'deliveries', page: at }, replies: [say.list(speak.say('show'), [{ rows }], [intro])] };
}

const titleOf = ({ orderNumber, customer }: OwnDelivery): string => `#${orderNumber} ${customer.name ?? customer.phone}`;
const isOnTheWay = ({ status }: OwnDelivery): boolean => status === 'in_transit';
const numbered = ({ data }: StaffTurn, number: number): OwnDelivery | undefined =>
  data.deliveries.find(({ orderNumber }) => orderNumber === number);

/** One delivery: who, where to, and what can be done with it. */
export function show(turn: StaffTurn, number: number): StaffPart {
  const { speak } = turn;
  const delivery = numbered(turn, number);
  if (!delivery) return notMine(turn, number);
  const { customer, destination } = delivery;
  const lines = [
    customer.name && say.clip(customer.name, 100),
    customer.phone,
    destination?.address && say.clip(destination.address, 500),
  ];
  const place = destination?.location;
  return {
    state: { step: 'delivery', number },
    replies: [
      ...(place ? [{ type: 'location', location: { latitude: place.latitude, longitude: place.longitude } } as const] : []),
      say.buttons(
        (isOnTheWay(delivery) ? (['done', 'failed'] as const) : (['start'] as const)).map((verb) => ({
          id: tapOn(verb, number),
          title: speak.say(BUTTONS[verb]),
        })),
        [lines.filter(Boolean).join('\n')],
        speak.say('order', { number, status: speak.say(isOnTheWay(delivery) ? 'inTransit' : 'assigned') }),
      ),
    ],
  };
}

const BUTTONS = { start: 'startIt', done: 'doneIt', failed: 'failIt' } as const;

const notMine = ({ speak }: StaffTurn, number: number): StaffPart => ({
  state: READY,
  replies: [say.buttons([{ id: tapOn('deliveries'), title: speak.say('myDeliveries') }], [speak.say('noDelivery', { number })])],
});

/** "start 12", "done 12 4821", "failed 12 nobody home", or a tap; without a number the one that can be meant. */
export function act(turn: StaffTurn, state: StaffState, want: Want): StaffPart {
  const { speak } = turn;
  const [number, said] = numberMeant(turn, state, want);
  if (number === undefined) return turn.data.deliveries.length > 0 ? which(turn) : deliveries(turn, 0);
  const delivery = numbered(turn, number);
  if (!delivery) return notMine(turn, number);
  const { id } = delivery;
  if (want.verb === 'start') {
    if (isOnTheWay(delivery)) return show(turn, number);
    return { state: { step: 'delivery', number }, replies: [], commands: [{ do: 'start', id, number }] };
  }
  if (!isOnTheWay(delivery)) {
    const choices = [{ id: tapOn('start', number), title: speak.say('startIt') }];
    return { state: { step: 'delivery', number }, replies: [say.buttons(choices, [speak.say('notOnTheWay', { number })])] };
  }
  if (want.verb === 'failed') return said ? fail(delivery, said) : askReason(turn, number);
  if (want.verb === 'photo') return photographed(state, delivery) ?? askCode(turn, number);
  const code = codeIn(said);
  return code ? handOver(delivery, { code }) : askCode(turn, number);
}

/** The number of the order, and what else was said. "done 4821" is a code where there is one way only that it can be of. */
function numberMeant(
  turn: StaffTurn,
  state: StaffState,
  { verb, number, rest }: Want,
): [number: number | undefined, said: string] {
  const open = turn.data.deliveries.filter((delivery) => isOnTheWay(delivery) === (verb !== 'start'));
  const [only] = open.length === 1 ? open : [];
  const isCode =
    verb === 'done' && number !== undefined && number >= 1_000 && number <= 9_999 && !rest && !numbered(turn, number);
  if (number !== undefined && !(isCode && only)) return [number, rest];
  const last = state.step === 'delivery' ? state.number : undefined;
  return [last ?? only?.orderNumber, isCode ? String(number) : rest];
}

const which = (turn: StaffTurn): StaffPart => {
  const { state, replies } = deliveries(turn, 0);
  return { state, replies: [say.text(turn.speak.say('whichDelivery')), ...replies] };
};

function askCode({ speak }: StaffTurn, number: number): StaffPart {
  return { state: { step: 'code', number }, replies: [say.text(speak.say('askCode', { number }))] };
}

function askReason({ speak }: StaffTurn, number: number): StaffPart {
  return { state: { step: 'reason', number }, replies: [say.text(speak.say('askReason', { number }))] };
}

const handOver = ({ id, orderNumber: number }: OwnDelivery, proof: { code: string } | { mediaId: string }): StaffPart => ({
  // Where the code was wrong, the next one is taken at once.
  state: 'code' in proof ? { step: 'code', number } : { step: 'photo', mediaId: proof.mediaId },
  replies: [],
  commands: [{ do: 'hand-over', id, number, ...proof }],
});

const fail = ({ id, orderNumber: number }: OwnDelivery, reason: string): StaffPart => ({
  state: READY,
  replies: [],
  commands: [{ do: 'fail', id, number, reason: say.cut(reason, 500) }],
});

const photographed = (state: StaffState, delivery: OwnDelivery): StaffPart | undefined =>
  state.step === 'photo' ? handOver(delivery, { mediaId: state.mediaId }) : undefined;

/** What breaks off the question of why something comes back; any other words are the reason. */
const WAYS_OUT: ReadonlySet<Verb> = new Set<Verb>(['help', 'no', 'deliveries', 'done']);

/** The answer to a question of this file; nothing where it is none. */
export function inStep(turn: StaffTurn, state: StaffState): StaffPart | undefined {
  const { heard, want } = turn;
  if (heard.content.type !== 'text' || (state.step !== 'code' && state.step !== 'reason')) return undefined;
  const delivery = numbered(turn, state.number);
  if (!delivery || !isOnTheWay(delivery)) return undefined;
  if (state.step === 'code') {
    const code = want ? undefined : codeIn(heard.words);
    return code ? handOver(delivery, { code }) : want ? undefined : askCode(turn, state.number);
  }
  const leaves = want && WAYS_OUT.has(want.verb) && (want.number !== undefined || !want.rest);
  return leaves || !heard.words ? undefined : fail(delivery, heard.words);
}

/** A photo may be proof of what is on the way; it is asked of which, and by the answer it will have arrived. */
export function photo(turn: StaffTurn, { mediaId, unavailable }: MediaPart): StaffPart {
  const { data, speak } = turn;
  const open = data.deliveries.filter(isOnTheWay);
  if (open.length === 0) return { state: READY, replies: [say.buttons([helpButton(speak)], [speak.say('nothingOnTheWay')])] };
  if (unavailable) return { state: READY, replies: [say.text(speak.say('photoGone'))] };
  const rows = open
    .slice(0, 9)
    .map((delivery) => say.row(tapOn('photo', delivery.orderNumber), titleOf(delivery), delivery.destination?.address));
  return {
    state: { step: 'photo', mediaId: mediaId ?? data.messageId },
    replies: [
      say.list(speak.say('show'), [{ rows: [...rows, say.row(tapOn('help'), speak.say('help'))] }], [speak.say('photoOf')]),
    ],
  };
}

/** Where they are now, for all that they have with them. It is said once for each way: a live location comes every few seconds. */
export function locate({ data, speak }: StaffTurn, state: StaffState, { latitude, longitude }: LocationContent): StaffPart {
  const open = data.deliveries.filter(isOnTheWay);
  if (open.length === 0) return { state, replies: [say.buttons([helpButton(speak)], [speak.say('nothingOnTheWay')])] };
  return {
    state,
    replies: open.every(({ position }) => position) ? [] : [say.text(speak.say('located'))],
    commands: open.map(({ id }) => ({ do: 'locate', id, position: { latitude, longitude } })),
  };
}
