import { type Dispatcher, request } from 'undici';
import { bodyOf, changesOf, type Origin, type WebhookItem, webhookHeaders } from './envelope.js';

/** How webhooks go out. All off: each thing in a body of its own, at once, the things of one customer in their order. */
export interface WebhookSettings {
  /** Each delivery is posted twice. */
  doubled: boolean;
  /** In random order, among what is waiting. */
  shuffled: boolean;
  /** Changes in one body, at most. A body is filled with what is waiting, so hold things back with `delayMs` or `late`. */
  batched: number;
  /** Neighbours of one kind that share a change, at most. */
  perChange: number;
  /** Things are held back so long. */
  delayMs: number;
  /** The share of things (`true`: all) that stays behind until `flushWebhooks()`. */
  late: boolean | number;
  /** Posts under way at once, at most. */
  concurrency: number;
  /** A post without an answer counts as failed after this. */
  timeoutMs: number;
}

const PLAIN: WebhookSettings = {
  doubled: false,
  shuffled: false,
  batched: 1,
  perChange: 1,
  delayMs: 0,
  late: false,
  concurrency: 16,
  timeoutMs: 10_000,
};
const FIRST_RETRY_MS = 25;
const LAST_RETRY_MS = 1_000;

export interface OutboxHost extends Origin {
  webhookUrl?: string;
  appSecret: string;
}

interface Waiting extends WebhookItem {
  copies: number;
  accepted: () => void;
  refused: (error: Error) => void;
}

interface Body {
  bytes: Buffer;
  items: Waiting[];
  tries: number;
  /** Ends the pause before the next try. */
  wake?: () => void;
}

/** What is to be told to the endpoint. Nothing leaves it but by a 2xx. */
export class WebhookOutbox {
  /** Bodies posted, and those answered with 2xx. */
  readonly stats = { posted: 0, accepted: 0, failed: 0, lastFailure: '' };
  #settings = PLAIN;
  /** What is not accepted yet, with the promises that it will be. */
  #open = new Map<Waiting, Promise<void>>();
  #waiting: Waiting[] = [];
  #late: Waiting[] = [];
  #bodies: Body[] = [];
  #retrying = new Set<Body>();
  /** Customers with a first try under way: what follows waits for it. */
  #busy = new Set<string>();
  #underWay = 0;
  #due = false;
  #closed = false;

  constructor(
    private readonly host: OutboxHost,
    private readonly dispatcher: Dispatcher,
    /** A stream of the seed, for order and lateness. */
    private readonly random: () => number,
  ) {}

  get settings(): WebhookSettings {
    return this.#settings;
  }

  set settings(settings: Partial<WebhookSettings>) {
    this.#settings = { ...PLAIN, ...settings };
  }

  /** Items that are not accepted yet. */
  get undelivered(): number {
    return this.#open.size;
  }

  /** Resolves when every copy was accepted. @throws Error when nobody is to be told, or the server stopped first. */
  push(item: WebhookItem): Promise<void> {
    if (this.#closed) return quiet(Promise.reject(new Error('the Graph API server has stopped')));
    if (!this.host.webhookUrl) return quiet(Promise.reject(new Error('this number has no webhookUrl')));
    const waiting: Waiting = { ...item, copies: 1, accepted: () => undefined, refused: () => undefined };
    const done = new Promise<void>((resolve, reject) => Object.assign(waiting, { accepted: resolve, refused: reject }));
    this.#open.set(waiting, done);
    const { late } = this.#settings;
    if (late === true || (late !== false && this.random() < late)) {
      this.#late.push(waiting);
    } else {
      this.#waiting.push(waiting);
      this.#wake();
    }
    return quiet(done);
  }

  /** Sends what is held back, tries again what failed, and resolves when all that was there when called is accepted. */
  async flush(): Promise<void> {
    this.#waiting.push(...this.#late.splice(0));
    const all = [...this.#open.values()];
    this.#pump(true);
    for (const body of this.#retrying) body.wake?.();
    await Promise.all(all);
  }

  close(): void {
    this.#closed = true;
    for (const item of this.#open.keys()) item.refused(new Error('the Graph API server has stopped'));
    for (const body of this.#retrying) body.wake?.();
    this.#open.clear();
    this.#waiting = [];
    this.#late = [];
    this.#bodies = [];
  }

  #wake(): void {
    if (this.#due) return;
    this.#due = true;
    const go = () => {
      this.#due = false;
      this.#pump();
    };
    if (this.#settings.delayMs > 0) setTimeout(go, this.#settings.delayMs).unref();
    else setImmediate(go);
  }

  /** While enough bodies are ready, what waits goes on waiting: so bodies are the fuller the more there is to tell. */
  #pump(early = false): void {
    if (this.#closed) return;
    if ((early || !this.#due) && this.#bodies.length < this.#settings.concurrency && this.#waiting.length > 0)
      this.#pack(this.#waiting.splice(0));
    const { shuffled } = this.#settings;
    for (let at = 0; at < this.#bodies.length && this.#underWay < this.#settings.concurrency;) {
      const body = this.#bodies[at]!;
      if (!shuffled && body.items.some(({ key }) => this.#busy.has(key))) {
        at += 1;
        // A long queue of one customer must not make each step slow.
        if (at > 64) break;
        continue;
      }
      this.#bodies.splice(at, 1);
      void this.#first(body, !shuffled);
    }
  }

  #pack(items: Waiting[]): void {
    const { batched, perChange, doubled, shuffled } = this.#settings;
    if (shuffled) shuffle(items, this.random);
    const size = Math.max(1, batched) * Math.max(1, perChange);
    const made: Body[] = [];
    for (let at = 0; at < items.length;) {
      const taken = items.slice(at, at + size);
      // Neighbours of different kinds share no change, so these may be more changes than fit.
      let changes = changesOf(this.host, taken, perChange);
      while (changes.length > Math.max(1, batched)) {
        taken.pop();
        changes = changesOf(this.host, taken, perChange);
      }
      at += taken.length;
      const bytes = bodyOf(this.host, changes);
      for (const item of taken) item.copies = doubled ? 2 : 1;
      for (let copy = 0; copy < (doubled ? 2 : 1); copy += 1) made.push({ bytes, items: taken, tries: 0 });
    }
    if (shuffled) shuffle(made, this.random);
    this.#bodies.push(...made);
  }

  async #first(body: Body, ordered: boolean): Promise<void> {
    const keys = ordered ? new Set(body.items.map(({ key }) => key)) : [];
    for (const key of keys) this.#busy.add(key);
    this.#underWay += 1;
    const accepted = await this.#post(body);
    this.#underWay -= 1;
    for (const key of keys) this.#busy.delete(key);
    // A failed one is tried again beside the others and so comes out of order, as from Meta.
    if (!accepted) void this.#again(body);
    this.#pump();
  }

  async #again(body: Body): Promise<void> {
    this.#retrying.add(body);
    while (!this.#closed) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(FIRST_RETRY_MS * 2 ** (body.tries - 1), LAST_RETRY_MS));
        timer.unref();
        body.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      if (this.#closed || (await this.#post(body))) break;
    }
    this.#retrying.delete(body);
  }

  async #post(body: Body): Promise<boolean> {
    body.tries += 1;
    this.stats.posted += 1;
    try {
      // The secret and the address of now: a test may correct them while a delivery is tried again.
      const { webhookUrl, appSecret } = this.host;
      const { timeoutMs } = this.#settings;
      const answer = await request(webhookUrl!, {
        method: 'POST',
        headers: webhookHeaders(appSecret, body.bytes),
        body: body.bytes,
        dispatcher: this.dispatcher,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      });
      await answer.body.dump();
      if (answer.statusCode < 200 || answer.statusCode > 299) throw new Error(`the endpoint answered ${answer.statusCode}`);
    } catch (error) {
      this.stats.failed += 1;
      this.stats.lastFailure = String(error);
      return false;
    }
    this.stats.accepted += 1;
    for (const item of body.items) {
      item.copies -= 1;
      if (item.copies > 0) continue;
      this.#open.delete(item);
      item.accepted();
    }
    return true;
  }
}

/** Not everybody waits for it, and a rejection that nobody sees would end the process. */
function quiet(done: Promise<void>): Promise<void> {
  done.catch(() => undefined);
  return done;
}

/** In place. */
export function shuffle<T>(items: T[], random: () => number): T[] {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [items[last], items[other]] = [items[other]!, items[last]!];
  }
  return items;
}
