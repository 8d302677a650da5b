import type { InboundContent } from '@soko/contracts';
import * as basket from './basket.js';
import * as browsing from './browsing.js';
import * as checkout from './checkout.js';
import { type ConversationState, IDLE, type In } from './conversation-state.js';
import { hear, type Heard } from './input.js';
import type { Intent } from './keywords.js';
import { languageOf, speaker, spokenFor, type Spoken } from './language.js';
import type { MessageKey } from './messages/en.js';
import * as say from './say.js';
import * as services from './services.js';
import { type Answer, keep, type MerchantData, type Part, type Turn, turnOf } from './turn.js';

/** By WhatsApp's rules an opt-out, without anything else; said while something is being ordered it means the order. */
const OPT_OUT = 'cancel';
/** What ends a conversation that has gone wrong is understood everywhere, typing errors included. */
const WAYS_OUT: ReadonlySet<Intent> = new Set(['menu', 'cancel', 'back', 'human']);

/**
 * What the bot answers. A pure function: the same state, message and data give the same answer, and there always is one.
 * @param consent what the message has changed about marketing already: "STOP" also ends what was being ordered.
 */
export function answer(
  state: ConversationState,
  message: InboundContent,
  data: MerchantData,
  consent: 'out' | 'in' | null = null,
): Answer {
  const heard = hear(message);
  const made = state.step === 'address' ? undefined : madeOut(heard, data.spoken);
  const spoken = made ?? data.spoken;
  const turn = turnOf(data, heard, speaker(spoken?.code ?? spokenFor(data.locale), data.locale));
  const { state: next, replies, commands = [] } = consent ? agree(turn, state, consent) : respond(turn, state);
  const said = commands.find((command) => command.do === 'speak');
  return {
    state: next,
    replies: [...awayMessage(turn), ...replies],
    commands: made && !said ? [...commands, { do: 'speak', spoken: made }] : commands,
    language: said?.spoken.code ?? turn.speak.language,
  };
}

/** What the customer speaks, where their words tell and they have not chosen. */
function madeOut({ plain }: Heard, known: Spoken | undefined): Spoken | undefined {
  const code = known?.chosen ? undefined : languageOf(plain);
  return code && code !== known?.code ? { code, chosen: false } : undefined;
}

function awayMessage({ data, speak }: Turn): ReturnType<typeof say.text>[] {
  if (!data.away) return [];
  const { opensAt } = data.away;
  const when = opensAt && speak.time(opensAt, data.timezone);
  return [say.text(when ? speak.say('awayUntil', { when }) : speak.say('away'), speak.say('awayStill'))];
}

function agree({ speak }: Turn, state: ConversationState, consent: 'out' | 'in'): Part {
  if (consent === 'in') return { state, replies: [say.text(speak.say('optedIn'))] };
  return { state: IDLE, replies: [say.text(speak.say('optedOut'))], commands: [keep([])] };
}

function respond(turn: Turn, state: ConversationState): Part {
  const { heard, data } = turn;
  const unread = unreadable(turn, state);
  if (unread) return again(turn, state, unread);
  if (heard.content.type === 'order') return basket.takeOrder(turn);
  if (heard.tapped?.startsWith('product:')) return browsing.choose(turn, heard.tapped)!;
  if (heard.plain === OPT_OUT && state.step === 'idle' && data.cart.length === 0) return services.optOut(turn);
  return (
    (heard.intent && obey(turn, state, heard.intent)) ??
    guessed(turn, state, WAYS_OUT) ??
    inStep(turn, state) ??
    guessed(turn, state) ??
    again(turn, state, misunderstood(turn, state))
  );
}

/** At a question that any words could answer, only the ways out are guessed, and only from one word. */
function guessed(turn: Turn, state: ConversationState, among?: ReadonlySet<Intent>): Part | undefined {
  const { guess, plain } = turn.heard;
  if (!guess || (among && (state.step !== 'address' || plain.includes(' ') || !among.has(guess)))) return undefined;
  const meant = { ...turn, heard: { ...turn.heard, intent: guess } };
  return obey(meant, state, guess) ?? inStep(meant, state);
}

/** What can be wanted at any time. */
function obey(turn: Turn, state: ConversationState, intent: Intent): Part | undefined {
  switch (intent) {
    case 'menu':
      return browsing.menu(turn, turn.heard.tapped ? undefined : turn.speak.say('welcome', { shop: turn.data.name }));
    case 'cancel':
      return checkout.cancel(turn);
    case 'back':
      return back(turn, state);
    case 'human':
      return services.handOver(turn);
    case 'help':
      return services.help(turn);
    case 'cart':
      return basket.showCart(turn);
    case 'checkout':
      return checkout.checkout(turn);
    case 'status':
      return services.status(turn);
    case 'reorder':
      return services.reorder(turn);
    case 'language':
      return services.askLanguage(turn);
    case 'english':
      return services.speakFromNow(turn, 'en');
    case 'french':
      return services.speakFromNow(turn, 'fr');
    case 'arabic':
      return services.speakFromNow(turn, 'ar');
    case 'noOffers':
      return services.optOut(turn);
    default:
      return undefined;
  }
}

/** What the answer to the last question means; nothing where it is none. */
function inStep(turn: Turn, state: ConversationState): Part | undefined {
  switch (state.step) {
    case 'idle':
      return browsing.find(turn, turn.speak.say('welcome', { shop: turn.data.name }));
    case 'categories':
    case 'choosing':
      return browsing.browse(turn, state);
    case 'quantity':
      return basket.quantity(turn, state) ?? stray(turn);
    case 'cart':
      return inCart(turn) ?? stray(turn);
    case 'changing':
      return basket.changing(turn, state);
    case 'address':
      return checkout.address(turn);
    case 'phone':
      return checkout.phone(turn, state);
    case 'payment':
      return checkout.payment(turn, state);
    case 'confirm':
      return checkout.confirm(turn, state);
    case 'help':
      return numbered(turn, state) ?? stray(turn);
    case 'language':
      return services.chooseLanguage(turn);
  }
}

/** "yes" to a cart is yes to ordering it; numbers stand for its buttons. */
const inCart = (turn: Turn): Part | undefined =>
  turn.heard.intent === 'yes' || turn.heard.number === 1 ? checkout.checkout(turn) : basket.inCart(turn);

/** A number in place of a tap on what can be said at any time. */
function numbered(turn: Turn, state: In<'help'>): Part | undefined {
  const id = turn.heard.tapped ?? state.options[(turn.heard.number ?? 0) - 1];
  const intent = id === undefined ? undefined : hear({ type: 'reply', reply: { id, title: id } }).intent;
  return intent && obey(turn, state, intent);
}

/** A row of an old list, or the name of a product where none was asked for. */
const stray = (turn: Turn): Part | undefined =>
  turn.heard.tapped === undefined ? browsing.find(turn) : browsing.choose(turn, turn.heard.tapped);

/** One step back from where a question stands. */
function back(turn: Turn, state: ConversationState): Part {
  switch (state.step) {
    case 'quantity':
      return state.changing ? basket.changeWhich(turn, 0) : browsing.menu(turn);
    case 'changing':
    case 'address':
      return basket.showCart(turn);
    case 'phone':
    case 'payment':
    case 'confirm':
      return checkout.checkout(turn);
    default:
      return browsing.menu(turn);
  }
}

/** Asks the last question again. */
function again(turn: Turn, state: ConversationState, hint: string): Part {
  switch (state.step) {
    case 'idle':
      return browsing.menu(turn, hint);
    case 'categories':
    case 'choosing':
      return browsing.browseAgain(turn, state, hint);
    case 'quantity':
      return basket.quantityAgain(turn, state, hint);
    case 'cart':
      return basket.showCart(turn, hint);
    case 'changing':
      return basket.changeWhich(turn, state.page, hint);
    case 'address':
      return turn.cart.length === 0 ? basket.showCart(turn, hint) : checkout.askAddress(turn, hint);
    case 'phone':
      return checkout.askPhone(turn, state.delivery, hint);
    case 'payment':
      return checkout.askPayment(turn, state.delivery, hint);
    case 'confirm':
      return checkout.review(turn, state.delivery, state.payment, hint);
    case 'help':
      return services.help(turn, hint);
    case 'language':
      return services.askLanguage(turn, hint);
  }
}

const HINTS: Partial<Record<ConversationState['step'], MessageKey>> = {
  quantity: 'numberPlease',
  address: 'addressPlease',
  phone: 'phonePlease',
};

function misunderstood({ heard, speak, data }: Turn, state: ConversationState): string {
  const hint = HINTS[state.step];
  if (hint) return speak.say(hint);
  if (state.step === 'idle') return speak.say('welcome', { shop: data.name });
  const searched = ['categories', 'choosing'].includes(state.step) && /\p{L}{3}/u.test(heard.plain);
  return searched ? speak.say('notFound', { words: say.clip(heard.words, 60) }) : speak.say('notUnderstood');
}

/** What is said to a message that no step can read. */
function unreadable({ heard, speak }: Turn, { step }: ConversationState): string | undefined {
  const { type } = heard.content;
  if (type === 'text' || type === 'reply' || type === 'order') return undefined;
  if ((type === 'location' && step === 'address') || (type === 'contacts' && step === 'phone')) return undefined;
  return speak.say(type);
}
