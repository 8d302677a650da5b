import type { WhatsappWeb } from './server.js';

export interface LoadOrder {
  /** Numbers of the accounts written to, in turn. */
  to: string | string[];
  /** How many customers write, in turn. */
  customers: number;
  /** Messages in all. */
  count: number;
  perSecond: number;
  /** `load` unless given; each message has its index behind it. */
  text?: string;
}

const TICK_MS = 20;
const FIRST_CUSTOMER = 263_780_000_000;

/** A stream of messages from customers, at a steady rate. */
export class Load {
  readonly #startedAt = performance.now();
  readonly #order: LoadOrder & { to: string[] };
  #written = 0;
  #encrypted = 0;
  #endedAt: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly server: WhatsappWeb,
    order: LoadOrder & { to: string[] },
  ) {
    if (order.to.length === 0) throw new Error('`to` lists the numbers of the accounts that are written to');
    this.#order = order;
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#endedAt ??= performance.now();
  }

  get progress(): { written: number; of: number; seconds: number; done: boolean } {
    const seconds = ((this.#endedAt ?? performance.now()) - this.#startedAt) / 1000;
    return { written: this.#encrypted, of: this.#order.count, seconds, done: this.#encrypted === this.#order.count };
  }

  #tick(): void {
    const { perSecond, count } = this.#order;
    const due = Math.min(count, Math.floor(((performance.now() - this.#startedAt) / 1000) * perSecond));
    while (this.#written < due) this.#write(this.#written++);
    if (this.#written === count) clearInterval(this.#timer);
  }

  #write(index: number): void {
    const { to, customers, text = 'load', count } = this.#order;
    const customer = this.server.customer(`+${FIRST_CUSTOMER + (index % customers)}`);
    // Every customer writes to one account, as most do.
    const account = to[(index % customers) % to.length] ?? '';
    customer.write(this.server.phone(account), { text: `${text} ${index}` }).then(
      () => {
        this.#encrypted += 1;
        if (this.#encrypted === count) this.#endedAt = performance.now();
      },
      (error: unknown) => this.server.failed(error),
    );
  }
}
