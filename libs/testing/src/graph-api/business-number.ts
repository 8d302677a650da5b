import { randomBytes, randomInt } from 'node:crypto';
import { type Dispatcher, request } from 'undici';
import { type Fields, fields, text } from './checks.js';
import { Customer, type CustomerHost, type CustomerOptions, type ReceivedMessage } from './customer.js';
import { type DeliveriesOptions, type MadeDeliveries, makeDeliveries, postDeliveries } from './deliveries.js';
import type { WebhookItem } from './envelope.js';
import { Faults } from './faults.js';
import { type Failure, GraphError, refuse } from './graph-error.js';
import { MediaStore } from './media-store.js';
import { checkMessage, type Known, type OutgoingMessage, textOf } from './message-rules.js';
import { RequestLog } from './request-log.js';
import { TemplateBook } from './template-book.js';
import { META_PAIR_RATE, type PairRate, PerSecond } from './throttle.js';
import { WebhookOutbox, type WebhookSettings } from './webhook-outbox.js';

export type Status = 'sent' | 'delivered' | 'read' | 'failed';

export interface NumberOptions {
  phoneNumberId?: string;
  wabaId?: string;
  accessToken?: string;
  appSecret?: string;
  verifyToken?: string;
  /** E.164. */
  displayPhone?: string;
  /** Where its webhooks go; may be set later. Without one nothing is told. */
  webhookUrl?: string;
}

/** What numbers share. */
export interface Surroundings {
  now: () => number;
  /** A stream of the server's seed. */
  stream: (name: string) => () => number;
  dispatcher: Dispatcher;
}

/** A call that marks a message as read, and may show that we type. */
export interface Mark {
  messageId: string;
  typing: boolean;
  at: number;
}

export interface Sent {
  customer: Customer;
  message: ReceivedMessage;
}

/** Messages that a number remembers, of each direction; older ones are forgotten, so that long loads fit in memory. */
const REMEMBERED = 200_000;
const MARKS = 10_000;

/** One business number with its customers, its faults and its webhooks. */
export class BusinessNumber extends Faults implements CustomerHost {
  readonly phoneNumberId: string;
  readonly wabaId: string;
  /** Digits. */
  readonly displayPhone: string;
  accessToken: string;
  appSecret: string;
  verifyToken: string;
  webhookUrl?: string;
  /** `auto`: `sent`, `delivered` and, of customers that read, `read` follow each accepted send. `manual`: by `status()`. */
  statuses: 'auto' | 'manual' | 'none' = 'auto';
  /** Free-form messages outside the 24 h window are refused with 131047, or (`webhook`) accepted and then failed with it. */
  enforceWindow: boolean | 'webhook' = false;
  /** Answers of `GET /{phone-number-id}` that differ from the usual ones. */
  info: Record<string, unknown> = {};
  readonly templates = new TemplateBook();
  readonly media: MediaStore;
  readonly requests = new RequestLog();
  /** The latest, oldest first. */
  readonly marks: Mark[] = [];
  /** Every customer that wrote or was written to. */
  readonly customers = new Map<string, Customer>();
  readonly outbox: WebhookOutbox;
  /** Sends that were accepted. */
  acceptedCount = 0;
  readonly now: () => number;
  readonly random: () => number;
  #sent = new Map<string, Sent>();
  #written = new Map<string, Customer>();
  #rate?: PerSecond;
  #pairRate?: PairRate;
  #wamids = 0;
  readonly #wamidPrefix = `HBgM${randomBytes(9).toString('base64url').replaceAll(/[-_]/g, 'A')}`;

  constructor(
    readonly around: Surroundings,
    options: NumberOptions = {},
  ) {
    super(around.stream('faults'));
    this.now = around.now;
    this.random = around.stream('customers');
    this.phoneNumberId = options.phoneNumberId ?? newGraphId();
    this.wabaId = options.wabaId ?? newGraphId();
    this.displayPhone = digits(options.displayPhone ?? `+2637800${String(randomInt(10_000, 99_999))}`);
    this.accessToken = options.accessToken ?? `EAA${randomBytes(30).toString('base64url')}`;
    this.appSecret = options.appSecret ?? randomBytes(16).toString('hex');
    this.verifyToken = options.verifyToken ?? randomBytes(12).toString('hex');
    this.webhookUrl = options.webhookUrl;
    this.media = new MediaStore(around.now, newGraphId);
    this.outbox = new WebhookOutbox(this, around.dispatcher, around.stream('webhooks'));
  }

  /** The person with this number, whom `options` change. */
  customer(phone: string, options: CustomerOptions = {}): Customer {
    const waId = digits(phone);
    let found = this.customers.get(waId);
    if (found) Object.assign(found, options);
    else this.customers.set(waId, (found = new Customer(this, waId, options)));
    return found;
  }

  /** Meta's handshake. @returns whether the challenge came back as plain text with 200. */
  async verify({ token = this.verifyToken, mode = 'subscribe' } = {}): Promise<boolean> {
    if (!this.webhookUrl) throw new Error('this number has no webhookUrl');
    const challenge = String(randomInt(1_000_000_000, 2_000_000_000));
    const url = new URL(this.webhookUrl);
    for (const [key, value] of Object.entries({ mode, verify_token: token, challenge }))
      url.searchParams.set(`hub.${key}`, value);
    const answer = await request(url, { dispatcher: this.around.dispatcher });
    const body = await answer.body.text();
    return answer.statusCode === 200 && String(answer.headers['content-type']).startsWith('text/') && body === challenge;
  }

  /** Messages per second beyond which sends meet 130429; no limit when undefined. Meta's is 80. */
  get rate(): number | undefined {
    return this.#rate?.rate;
  }

  set rate(rate: number | undefined) {
    this.#rate = rate === undefined ? undefined : new PerSecond(rate);
  }

  /** Messages to one person beyond which sends meet 131056; `true` is Meta's limit. */
  get pairRate(): PairRate | undefined {
    return this.#pairRate;
  }

  set pairRate(limit: PairRate | boolean | undefined) {
    this.#pairRate = limit === true ? META_PAIR_RATE : limit || undefined;
  }

  get webhooks(): WebhookSettings {
    return this.outbox.settings;
  }

  set webhooks(settings: Partial<WebhookSettings>) {
    this.outbox.settings = settings;
  }

  /** Things told that the endpoint has not accepted yet, with those held back. */
  get undelivered(): number {
    return this.outbox.undelivered;
  }

  /** Sends what is held back; resolves when all that there is now was accepted. */
  flushWebhooks(): Promise<void> {
    return this.outbox.flush();
  }

  /** Tells one thing of a webhook's `value`, of any field. */
  tell(item: WebhookItem): Promise<void> {
    return this.outbox.push(item);
  }

  /** Tells a status of a message by hand; resolves when it was accepted. @throws Error when nobody was sent such a message */
  async status(wamid: string, status: Status, failure?: number | Failure): Promise<void> {
    if (!this.#sent.has(wamid)) throw new Error(`no message ${wamid} was sent`);
    await this.tell(this.statusItem(wamid, status, failure));
  }

  /** A message that was accepted, and whom it went to. */
  sent(wamid: string): Sent | undefined {
    return this.#sent.get(wamid);
  }

  /** Signed webhooks for a test that posts them itself. */
  makeDeliveries(options: DeliveriesOptions = {}): MadeDeliveries {
    return makeDeliveries(this, options);
  }

  /** Posts such webhooks to `webhookUrl`. */
  postDeliveries(made: Pick<MadeDeliveries, 'deliveries'>, options: Parameters<typeof postDeliveries>[2] = {}) {
    if (!this.webhookUrl) throw new Error('this number has no webhookUrl');
    return postDeliveries(this.webhookUrl, made.deliveries, options);
  }

  newWamid(): string {
    this.#wamids += 1;
    return `wamid.${this.#wamidPrefix}${String(this.#wamids).padStart(9, '0')}AA==`;
  }

  note(wamid: string, customer: Customer): void {
    this.#written.set(wamid, customer);
    if (this.#written.size > REMEMBERED) this.#written.delete(this.#written.keys().next().value!);
  }

  /** Marks a message as read. @throws GraphError when no customer wrote it */
  mark(body: Fields): void {
    if (body.messaging_product !== 'whatsapp') refuse('The parameter messaging_product is required.');
    if (body.status !== 'read') refuse('Param status must be one of {read}.');
    const messageId = text(body.message_id, 'message_id', 200);
    if (!this.#written.has(messageId)) refuse(`message_id: no customer wrote ${messageId}`, 131009);
    const typing = body.typing_indicator !== undefined;
    if (typing && fields(body.typing_indicator, 'typing_indicator', ['type']).type !== 'text') {
      refuse("Param typing_indicator['type'] must be one of {text}.");
    }
    this.marks.push({ messageId, typing, at: this.now() });
    if (this.marks.length > MARKS) this.marks.shift();
  }

  /** A send up to where faults come in: well-formed, and to somebody. @throws GraphError */
  check(body: Fields): { message: OutgoingMessage; customer: Customer } {
    const message = checkMessage(body, this.#known);
    if (message.to !== undefined) return { message, customer: this.customer(message.to) };
    for (const customer of this.customers.values()) if (customer.userId === message.userId) return { message, customer };
    refuse(`recipient: there is no user ${message.userId}`, 131026);
  }

  /** The rest of it: limits, window, template. What passes is on the customer's phone. @throws GraphError */
  accept(message: OutgoingMessage, customer: Customer): { sent: ReceivedMessage; failure?: Failure } {
    if (customer.waId === this.displayPhone) refuse('Recipient cannot be sender', 131021);
    const words =
      message.type === 'template'
        ? this.templates.render(message.payload as Fields, (id) => this.#known.mimeType(id)).text
        : textOf(message);
    const outside = this.enforceWindow !== false && message.type !== 'template' && !customer.windowOpen;
    const closed = { code: 131047, details: 'More than 24 hours have passed since the customer last replied to this number.' };
    if (outside && this.enforceWindow !== 'webhook') throw new GraphError(closed);
    const now = this.now();
    if (this.#rate && !this.#rate.pass(now)) refuse(`more than ${this.#rate.rate} messages in a second`, 130429);
    if (this.#pairRate && !customer.pair.pass(now, this.#pairRate)) refuse('too many messages to this person', 131056);
    if (outside) return { sent: this.deliver(message, customer, words, false), failure: closed };
    return { sent: this.deliver(message, customer, words, true) };
  }

  /** Gives it an id and, unless it is to fail, puts it on the phone. */
  deliver(message: OutgoingMessage, customer: Customer, words: string, arrives: boolean): ReceivedMessage {
    const id = this.newWamid();
    this.acceptedCount += 1;
    const { type, payload, callbackData, context } = message;
    const sent = arrives
      ? customer.receive(id, message, words)
      : { id, type, payload, text: words, callbackData, context, at: this.now(), statuses: [] };
    this.#sent.set(id, { customer, message: sent });
    if (this.#sent.size > REMEMBERED) this.#forget();
    return sent;
  }

  /** Tells what became of a send, as `statuses` says, and a failure that was ordered in any case. */
  announce(customer: Customer, sent: ReceivedMessage, failure?: Failure): void {
    if (!this.webhookUrl) return;
    if (failure) {
      void this.tell(this.statusItem(sent.id, 'failed', failure));
    } else if (this.statuses === 'auto') {
      for (const status of customer.reads ? (['sent', 'delivered', 'read'] as const) : (['sent', 'delivered'] as const)) {
        void this.tell(this.statusItem(sent.id, status));
      }
    }
  }

  statusItem(wamid: string, status: Status, failure?: number | Failure): WebhookItem {
    const sent = this.#sent.get(wamid);
    const error = new GraphError(typeof failure === 'number' ? { code: failure } : (failure ?? { code: 131000 }));
    sent?.message.statuses.push(status);
    const { waId, userId, phoneHidden } = sent?.customer ?? {};
    const item = {
      id: wamid,
      status,
      timestamp: String(Math.floor(this.now() / 1000)),
      ...(phoneHidden ? {} : { recipient_id: waId ?? '263770000000' }),
      ...(userId === undefined ? {} : { recipient_user_id: userId }),
      ...(status === 'failed' ? { errors: [error.item] } : {}),
      ...(status === 'sent' || status === 'delivered'
        ? {
            pricing: {
              billable: true,
              pricing_model: 'PMP',
              category: sent?.message.type === 'template' ? 'utility' : 'service',
            },
          }
        : {}),
      ...(sent?.message.callbackData === undefined ? {} : { biz_opaque_callback_data: sent.message.callbackData }),
    };
    return { field: 'messages', list: 'statuses', item, key: waId ?? wamid };
  }

  readonly #known: Known = {
    mimeType: (mediaId) => this.media.get(mediaId)?.mimeType,
    message: (wamid) => this.#written.has(wamid) || this.#sent.has(wamid),
  };

  #forget(): void {
    const [id, { customer, message }] = this.#sent.entries().next().value!;
    this.#sent.delete(id);
    if (customer.received[0] === message) customer.received.shift();
  }
}

/** As Meta's ids look. */
const newGraphId = (): string => `${randomInt(100_000, 999_999)}${String(randomInt(0, 1_000_000_000)).padStart(9, '0')}`;
const digits = (phone: string): string => phone.replaceAll(/\D/g, '');
