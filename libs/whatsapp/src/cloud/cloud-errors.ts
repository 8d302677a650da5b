import { type Fate, TransportError } from '../transport.js';

/* Meta's own list: https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes */

const DAY_MS = 24 * 3_600_000;
/** How long a halted channel rests before it is looked at again. */
export const HALT_MS = 5 * 60_000;
/** A `Retry-After` beyond this is not believed. */
const LONGEST_WAIT_MS = 3_600_000;

/** What an error of Meta means for the message that met it, and for its channel. */
export interface Verdict {
  /** Ours, stable. */
  code: string;
  fate: Fate;
  /** For people: what has happened and what to do. */
  text: string;
  afterMs?: number;
  /** Nothing more goes out by this channel until somebody has done something about it. */
  halts?: boolean;
}

/** A `TransportError` of this adapter. */
export class CloudError extends TransportError {
  readonly halts: boolean;

  constructor({ code, text, fate, afterMs, halts = false }: Verdict) {
    super(code, text, fate, afterMs);
    this.name = 'CloudError';
    this.halts = halts;
  }
}

/** An error as the Graph API answers it, or as a webhook tells it. */
export interface MetaError {
  code?: unknown;
  error_subcode?: unknown;
  message?: unknown;
  title?: unknown;
  error_data?: { details?: unknown } | null;
}

type Rule = Omit<Verdict, 'halts'>;
const retry = (code: string, text: string): Rule => ({ code, fate: 'retry', text });
/** The number's or Meta's own trouble: a message that meets it a hundred times is none the worse for it. */
const wait = (code: string, text: string, afterMs?: number): Rule => ({ code, fate: 'wait', text, afterMs });
const stop = (code: string, text: string): Rule => ({ code, fate: 'failed', text });
const halt = (code: string, text: string): Verdict => ({ code, fate: 'wait', text, afterMs: HALT_MS, halts: true });

const TROUBLE = retry('network_trouble', 'WhatsApp had a fault of its own.');
const AWAY = wait('network_away', 'WhatsApp is away for the moment.');
const TOO_FAST = wait('rate_limited', 'WhatsApp takes no more messages from this number for the moment.');
const TOKEN = halt('token_invalid', 'The access token is not valid any more: put in a new one (PATCH /api/channels/:id).');
const PERMISSION = halt(
  'permission_missing',
  'The access token may not use this number: give its app and system user the permission whatsapp_business_messaging for it.',
);
const LOCKED = halt('account_locked', 'Meta has locked the WhatsApp account: see Meta’s Business Manager, Account quality.');
const UNKNOWN_NUMBER = halt(
  'number_unknown',
  'Meta knows no such number, or does not show it to this token: check phoneNumberId and the token.',
);
const WRONG_CONTENT = stop('content_refused', 'WhatsApp refused what the message holds.');
const TEMPLATE_VALUES = stop('template_values', 'The values do not fit the template that Meta has approved.');

const RULES: Record<number, Verdict> = {
  0: TOKEN,
  1: TROUBLE,
  2: TROUBLE,
  3: PERMISSION,
  4: TOO_FAST,
  10: PERMISSION,
  33: UNKNOWN_NUMBER,
  100: WRONG_CONTENT,
  190: TOKEN,
  368: halt(
    'policy_blocked',
    'Meta has blocked the WhatsApp account for a while for breaking its policies: see Account quality.',
  ),
  80007: TOO_FAST,
  130429: TOO_FAST,
  130472: stop('experiment', 'WhatsApp does not deliver this to the customer, who is part of an experiment of Meta.'),
  131000: TROUBLE,
  131005: PERMISSION,
  131008: WRONG_CONTENT,
  131009: WRONG_CONTENT,
  131016: AWAY,
  131021: stop('own_number', 'A number cannot write to itself.'),
  131026: stop('recipient_unreachable', 'The number has no WhatsApp, or one that is too old to get this message.'),
  131031: LOCKED,
  131042: halt('billing_problem', 'Meta does not get its money: check the payment method of the WhatsApp account.'),
  131047: stop('window_closed', 'The customer’s last message is more than 24 hours old: WhatsApp takes only templates now.'),
  131048: halt('spam_limited', 'Too many customers have blocked or reported this number: WhatsApp limits it for a while.'),
  // Nobody says when exactly; a try before that counts against the number.
  131049: wait('marketing_limited', 'WhatsApp lets this customer get no more marketing for now.', DAY_MS),
  131050: stop('marketing_stopped', 'The customer has told WhatsApp to stop marketing from this number.'),
  131051: stop('type_unsupported', 'WhatsApp does not take messages of this type.'),
  131052: stop('media_unreadable', 'WhatsApp could not fetch the file: check that its link works and is public.'),
  131053: stop('media_refused', 'WhatsApp refused the file: check its type and size.'),
  131056: wait('pair_rate_limited', 'Too many messages to this customer in a short time.'),
  131057: wait('network_away', 'Meta maintains the WhatsApp account for the moment.'),
  131064: halt(
    'messaging_blocked',
    'Meta lets this WhatsApp account send nothing: see Meta’s Business Manager, Account quality.',
  ),
  132000: TEMPLATE_VALUES,
  132001: stop('template_missing', 'Meta has no approved template of this name in this language.'),
  132005: stop('template_too_long', 'The template is too long once its values are filled in.'),
  132007: stop('template_refused', 'The template breaks a policy of WhatsApp.'),
  132012: TEMPLATE_VALUES,
  132015: stop('template_paused', 'Meta has paused the template because customers did not like it.'),
  132016: stop('template_disabled', 'Meta has disabled the template: make another one.'),
  132068: stop('template_refused', 'The flow of the template is blocked.'),
  132069: stop('template_refused', 'The flow of the template is throttled.'),
  133004: AWAY,
  133010: halt(
    'number_unregistered',
    'The number is not registered with the Cloud API: register it, then connect the channel again.',
  ),
};

const SUBCODE_NO_OBJECT = 33;

/** What Meta’s code means, with what Meta says about it. @param status of the answer; absent for what a webhook tells. */
export function verdictOn(error: MetaError, { status, retryAfter }: { status?: number; retryAfter?: string } = {}): Verdict {
  const code = numberOf(error.code);
  const rule = ruleFor(code, numberOf(error.error_subcode)) ?? ruleForStatus(status ?? 400);
  const told = clean(error.error_data?.details ?? error.message ?? error.title);
  const text = `${rule.text} Meta: ${[code, told].filter((part) => part !== undefined).join(', ')}`;
  return { ...rule, text, afterMs: later(rule, retryAfter) };
}

function ruleFor(code: number | undefined, subcode: number | undefined): Verdict | undefined {
  if (code === undefined) return undefined;
  // The way in which Meta answers for a number that the token may not see.
  if (code === 100 && subcode === SUBCODE_NO_OBJECT) return UNKNOWN_NUMBER;
  return RULES[code] ?? (code >= 200 && code <= 299 ? PERMISSION : undefined);
}

/** For an answer that says no more than its status, or a code that we do not know. An answer means: not accepted. */
function ruleForStatus(status: number): Verdict {
  if (status === 429) return TOO_FAST;
  if (status === 401) return TOKEN;
  if (status === 403) return PERMISSION;
  if (status >= 500) return TROUBLE;
  // A redirect is a base URL that leads astray: no fault of the message.
  return status < 400 ? TROUBLE : stop('refused', 'WhatsApp refused the message.');
}

/** An answer that is no success. @param body parsed, or undefined when it is no JSON. */
export function answerVerdict(status: number, body: unknown, retryAfter?: string): Verdict {
  const { error } = (typeof body === 'object' && body !== null ? body : {}) as { error?: unknown };
  if (typeof error === 'object' && error !== null) return verdictOn(error, { status, retryAfter });
  const rule = ruleForStatus(status);
  return { ...rule, text: `${rule.text} Meta answered ${status}.`, afterMs: later(rule, retryAfter) };
}

/**
 * A call that got no answer.
 * @param written whether any of the request may have left: then nobody knows what became of it.
 */
export function silenceVerdict(error: unknown, written: boolean): Verdict {
  const reason = failureName(error);
  return written
    ? { code: 'no_answer', fate: 'doubt', text: `WhatsApp gave no answer (${reason}): the message may have gone out.` }
    : { code: 'unreachable', fate: 'retry', text: `WhatsApp could not be reached (${reason}).` };
}

/** For the receipt of a message that failed, by its first error. */
export function receiptError(errors: unknown): { code: string; message: string } {
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  const { code, text } = verdictOn(typeof first === 'object' && first !== null ? first : {});
  return { code, message: text };
}

/** Milliseconds that Meta asks for, in seconds or as a date. */
export function retryAfterMs(header: string | undefined, now = Date.now()): number | undefined {
  if (!header) return undefined;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isFinite(ms) && ms > 0 ? Math.min(ms, LONGEST_WAIT_MS) : undefined;
}

/** Never shorter than the rule's own. */
function later({ fate, afterMs }: Rule, retryAfter?: string): number | undefined {
  const asked = fate === 'retry' || fate === 'wait' ? retryAfterMs(retryAfter) : undefined;
  return asked === undefined ? afterMs : Math.max(asked, afterMs ?? 0);
}

/** The wait after the n-th refusal in a row for one person (131056): 4^n seconds, from one on. */
export const pairWaitMs = (refusals: number): number => Math.min(4 ** Math.min(refusals, 10) * 1_000, LONGEST_WAIT_MS);

const numberOf = (value: unknown): number | undefined => {
  const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined;
};

/** Meta's words, bounded, and without what looks like a token of ours. */
const clean = (text: unknown): string | undefined =>
  typeof text === 'string' && text ? text.replaceAll(/\bEA[A-Za-z0-9_-]{15,}/g, '…').slice(0, 300) : undefined;

/** Names of errors only: their texts may hold addresses. */
function failureName(error: unknown): string {
  const { code, name } = error as { code?: string; name?: string };
  if (name === 'TimeoutError' || name === 'AbortError') return 'timeout';
  return code ?? name ?? 'unknown';
}
