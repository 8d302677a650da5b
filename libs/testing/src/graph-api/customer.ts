import type { Origin, WebhookItem } from './envelope.js';
import { Faults } from './faults.js';
import { type Content, incomingItem, type Offered, offeredBy } from './incoming.js';
import type { MediaStore } from './media-store.js';
import type { OutgoingMessage } from './message-rules.js';
import { Pair } from './throttle.js';

/** Meta closes the reply window so long after the customer's last message. */
const WINDOW_MS = 86_400_000;

export interface CustomerOptions {
  /** The profile's; the default has characters that Meta escapes. */
  name?: string;
  /** `US.…`. */
  userId?: string;
  username?: string;
  /** The business does not see the number: `from` and `wa_id` are absent, and user ids stand in their place. */
  phoneHidden?: boolean;
  /** Reads what it receives, and so sends `read`. */
  reads?: boolean;
  /** When it last wrote, in milliseconds; never when left out. */
  lastWroteAt?: number;
}

export interface WriteOptions {
  /** The message's id; a new one when left out. */
  id?: string;
  /** Now when left out. A number is in seconds. */
  timestamp?: Date | number;
  /** Id of the message that it quotes. */
  context?: string;
}

/** What a customer has on the phone. */
export interface ReceivedMessage {
  id: string;
  type: OutgoingMessage['type'];
  /** What stood under the type's name. */
  payload: unknown;
  /** The words in it; of a template, filled in. */
  text: string;
  callbackData?: string;
  /** Id of the message that it quotes. */
  context?: string;
  /** Milliseconds. */
  at: number;
  /** Statuses told so far, or waiting to be told. */
  statuses: string[];
}

/** What a customer needs of the number that it writes to. */
export interface CustomerHost extends Origin {
  now: () => number;
  random: () => number;
  media: MediaStore;
  newWamid: () => string;
  /** Notes a message of a customer, so that it can be marked and reacted to. */
  note: (wamid: string, customer: Customer) => void;
  tell: (item: WebhookItem) => Promise<void>;
}

/** One person with a phone, in the conversation with one business number. */
export class Customer extends Faults {
  readonly received: ReceivedMessage[] = [];
  readonly pair = new Pair();
  name: string;
  username?: string;
  userId?: string;
  phoneHidden: boolean;
  reads: boolean;
  /** When it last wrote, in milliseconds: free-form messages reach it for 24 h from there. */
  lastWroteAt: number;
  #offered = new Map<string, Offered>();

  constructor(
    private readonly host: CustomerHost,
    /** Digits. */
    readonly waId: string,
    options: CustomerOptions = {},
  ) {
    super(host.random);
    this.name = options.name ?? `Rudo 🌽 ${waId.slice(-4)}`;
    this.username = options.username;
    this.userId = options.userId ?? (options.phoneHidden ? `US.${waId}` : undefined);
    this.phoneHidden = options.phoneHidden ?? false;
    this.reads = options.reads ?? false;
    this.lastWroteAt = options.lastWroteAt ?? Number.NEGATIVE_INFINITY;
  }

  /** E.164. */
  get phone(): string {
    return `+${this.waId}`;
  }

  get windowOpen(): boolean {
    return this.host.now() - this.lastWroteAt < WINDOW_MS;
  }

  /** Writes to the business. Resolves with the message's id when the endpoint has accepted the webhook, be it at the tenth try. */
  async write(content: Content, options: WriteOptions = {}): Promise<string> {
    const { id, item } = this.compose(content, options);
    await this.host.tell(item);
    return id;
  }

  /** The webhook item of a message, which is noted as written. */
  compose(content: Content, { id = this.host.newWamid(), timestamp = this.host.now() / 1000, context }: WriteOptions = {}) {
    const seconds = Math.floor(timestamp instanceof Date ? timestamp.getTime() / 1000 : timestamp);
    const made = incomingItem(content, { media: this.host.media, offered: (choice) => this.#offered.get(choice) });
    const quotes = context ?? made.answers;
    this.lastWroteAt = Math.max(this.lastWroteAt, seconds * 1000);
    this.host.note(id, this);
    const item = {
      ...(quotes === undefined ? {} : { context: { from: this.host.displayPhone, id: quotes } }),
      ...(this.phoneHidden ? {} : { from: this.waId }),
      ...(this.userId === undefined ? {} : { from_user_id: this.userId }),
      id,
      timestamp: String(seconds),
      ...made.item,
    };
    return { id, item: { field: 'messages', list: 'messages', item, contact: this.contact, key: this.waId } };
  }

  /** Stops or resumes marketing messages in WhatsApp itself, without a message. */
  async prefers(value: 'stop' | 'resume'): Promise<void> {
    const item = {
      ...(this.phoneHidden ? {} : { wa_id: this.waId }),
      ...(this.userId === undefined ? {} : { user_id: this.userId }),
      detail: `User requested to ${value} marketing messages`,
      category: 'marketing_messages',
      value,
      timestamp: String(Math.floor(this.host.now() / 1000)),
    };
    await this.host.tell({
      field: 'user_preferences',
      list: 'user_preferences',
      item,
      contact: this.contact,
      key: this.waId,
    });
  }

  get contact(): object {
    return {
      profile: { name: this.name, ...(this.username === undefined ? {} : { username: this.username }) },
      ...(this.phoneHidden ? {} : { wa_id: this.waId }),
      ...(this.userId === undefined ? {} : { user_id: this.userId }),
    };
  }

  /** The phone gets a message. The server calls this. */
  receive(id: string, message: OutgoingMessage, text: string): ReceivedMessage {
    const { type, payload, callbackData, context } = message;
    const received = { id, type, payload, text, callbackData, context, at: this.host.now(), statuses: [] };
    this.received.push(received);
    if (type === 'interactive') for (const choice of offeredBy(id, payload)) this.#offered.set(choice.id, choice);
    return received;
  }
}
