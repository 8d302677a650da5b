import { normalisePhone } from '@soko/common';
import type { InboundContent } from '@soko/contracts';
import * as driver from './driver.js';
import { hear } from './input.js';
import type { Intent } from './keywords.js';
import type { Language } from './language.js';
import * as say from './say.js';
import * as broadcast from './staff-broadcast.js';
import { staffSpeaker } from './staff-language.js';
import * as orders from './staff-orders.js';
import { READY, type StaffState } from './staff-state.js';
import * as stock from './staff-stock.js';
import {
  mayBroadcast,
  runsShop,
  type StaffAnswer,
  type StaffData,
  type StaffPart,
  type StaffSpeaker,
  type StaffTurn,
} from './staff-turn.js';
import { tapOn, type Verb, type Want, wantOf } from './staff-words.js';

/**
 * What the bot answers somebody of the team: the shop to owners and agents, and to everybody what they are to bring. A pure function,
 * as `answer` is for customers.
 */
export function staffAnswer(state: StaffState, message: InboundContent, data: StaffData): StaffAnswer {
  const heard = hear(message);
  const turn: StaffTurn = { data, heard, speak: staffSpeaker(data), want: wantedBy(data, wantOf(heard)) };
  const { state: next, replies, commands = [] } = respond(turn, state);
  return { state: next, replies, commands, language: turn.speak.language };
}

function respond(turn: StaffTurn, state: StaffState): StaffPart {
  const { heard, want } = turn;
  if (state.step === 'shopping') return menu(turn);
  if (heard.content.type === 'location') return driver.locate(turn, state, heard.content.location);
  if (heard.content.type === 'image') return driver.photo(turn, heard.content.image);
  const answered = driver.inStep(turn, state) ?? stock.inStep(turn, state) ?? broadcast.inStep(turn, state);
  if (answered) return answered;
  const language = heard.intent && LANGUAGE_OF[heard.intent];
  if (language) return speakFromNow(turn, language);
  const part = want && obey(turn, state, want);
  if (part) return part;
  const unread = heard.content.type !== 'text' && heard.content.type !== 'reply';
  const hint = turn.speak.say(unread ? 'wordsOnly' : 'notUnderstood');
  return broadcast.again(turn, state, hint) ?? menu(turn, hint);
}

/** What orders are to the shop, deliveries are to its drivers. */
const AS_DRIVER: Partial<Record<Verb, Verb>> = { orders: 'deliveries', deliver: 'done' };
const wantedBy = (data: StaffData, want: Want | undefined): Want | undefined =>
  want && !runsShop(data) ? { ...want, verb: AS_DRIVER[want.verb] ?? want.verb } : want;

const LANGUAGE_OF: Partial<Record<Intent, Language>> = { english: 'en', french: 'fr', arabic: 'ar' };

/** What can be wanted at any time. */
function obey(turn: StaffTurn, state: StaffState, want: Want): StaffPart | undefined {
  const { data, speak } = turn;
  if (!runsShop(data) && OFFICE.has(want.verb)) return menu(turn, speak.say('notYours'));
  switch (want.verb) {
    case 'orders':
      return want.number === undefined ? orders.today(turn, 0) : orders.show(turn, want.number);
    case 'confirm':
    case 'prepare':
    case 'dispatch':
    case 'deliver':
    case 'cancel':
      return orders.act(turn, state, want.verb, want);
    case 'stock':
      return stock.stock(turn, want.rest);
    case 'pause':
    case 'resume':
      return pause(turn, want);
    case 'broadcast':
      return mayBroadcast(data) ? broadcast.begin(turn, want.rest) : menu(turn, speak.say('notYours'));
    case 'deliveries':
      return want.number === undefined ? driver.deliveries(turn, 0) : driver.show(turn, want.number);
    case 'start':
    case 'done':
    case 'failed':
    case 'photo':
      return driver.act(turn, state, want);
    case 'yes':
    case 'no':
      return (runsShop(data) ? orders.decide(turn, state, want.verb === 'yes') : undefined) ?? menu(turn);
    case 'more':
      return more(turn, state);
    case 'shop':
      return { state: { step: 'shopping' }, replies: [say.text(speak.say('shopping'))] };
    case 'unlink':
      return { state: READY, replies: [say.text(speak.say('unlinked'))], commands: [{ do: 'unlink' }] };
    case 'help':
    case 'work':
      return menu(turn);
  }
}

/** What drivers have nothing to do with. */
const OFFICE: ReadonlySet<Verb> = new Set<Verb>([
  'orders',
  'confirm',
  'prepare',
  'dispatch',
  'deliver',
  'cancel',
  'stock',
  'pause',
  'resume',
  'broadcast',
]);

/** All that one can have, as a list; what can only be written stands above it. */
export function menu(
  { data, speak }: { data: Pick<StaffData, 'member' | 'paused'>; speak: StaffSpeaker },
  hint?: string,
): StaffPart {
  const office = [
    say.row(tapOn('orders'), speak.say('todaysOrders')),
    say.row(tapOn('stock'), speak.say('stock')),
    say.row(tapOn('broadcast'), speak.say('broadcast')),
    data.paused ? say.row(tapOn('resume'), speak.say('wakeBot')) : say.row(tapOn('pause'), speak.say('pauseBot')),
  ];
  const rows = [
    ...(runsShop(data) ? office : []),
    say.row(tapOn('deliveries'), speak.say('myDeliveries')),
    say.row(tapOn('shop'), speak.say('shopHere')),
  ];
  const hello = hint ?? speak.say('hello', { name: say.clip(data.member.name, 60) });
  const words = speak.say(runsShop(data) ? 'shopWords' : 'driverWords');
  return { state: READY, replies: [say.list(speak.say('show'), [{ rows }], [hello, words])] };
}

function more(turn: StaffTurn, state: StaffState): StaffPart {
  switch (state.step) {
    case 'orders':
      return orders.today(turn, state.page + 1);
    case 'stock':
      return stock.list(turn, state.page + 1, state.words);
    case 'deliveries':
      return driver.deliveries(turn, state.page + 1);
    default:
      return broadcast.more(turn, state) ?? menu(turn);
  }
}

/** "pause" is for the whole shop, "pause +263771234567" for the chats with one customer; "pause broadcast" is for what goes out. */
function pause({ speak }: StaffTurn, { verb, rest }: Want): StaffPart {
  const paused = verb === 'pause';
  if (!rest) {
    const said = speak.say(paused ? 'botPaused' : 'botResumed');
    return { state: READY, replies: [say.text(said)], commands: [{ do: 'pause-shop', paused }] };
  }
  const [ofBroadcast, id] = /^broadcast(?::(.+))?$/.exec(rest) ?? [];
  if (ofBroadcast) return broadcast.steer(paused, id);
  const phone = normalisePhone(rest);
  if (!phone) return { state: READY, replies: [say.text(speak.say('badPhone'))] };
  return { state: READY, replies: [], commands: [{ do: 'pause-chat', phone, paused }] };
}

function speakFromNow(turn: StaffTurn, code: Language): StaffPart {
  const spoken = { code, chosen: true };
  const data = { ...turn.data, spoken };
  const speak = staffSpeaker(data);
  return { ...menu({ data, speak }, speak.say('languageSet')), commands: [{ do: 'speak', spoken }] };
}
