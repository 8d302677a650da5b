import { Pool } from 'undici';
import { seeded } from '../random.js';
import type { Customer } from './customer.js';
import { bodyOf, changesOf, type Origin, type WebhookItem, webhookHeaders } from './envelope.js';
import { shuffle } from './webhook-outbox.js';

export interface DeliveriesOptions {
  /** How many messages customers write. */
  messages?: number;
  /** How many customers write them, in turn. */
  customers?: number;
  /** Messages of ours whose `sent`, `delivered` and `read` are told as well. */
  statusesFor?: readonly string[];
  /** Each body is there twice. */
  twice?: boolean;
  /** Items are in random order, and so are bodies. */
  shuffled?: boolean;
  /** Changes in one body, at most. */
  batch?: number;
  seed?: number;
  /** The words of message `n` of one customer, both from 0. */
  text?: (n: number, customer: number) => string;
}

/** One signed webhook, ready to be posted. */
export interface Delivery {
  body: Buffer;
  headers: Record<string, string>;
}

export interface MadeDeliveries {
  deliveries: Delivery[];
  /** In the order in which each customer wrote. */
  messages: { id: string; from: string; text: string; timestamp: number }[];
  statuses: { id: string; status: string }[];
}

export interface DeliveriesHost extends Origin {
  appSecret: string;
  now: () => number;
  newWamid: () => string;
  customer: (phone: string) => Customer;
  statusItem: (wamid: string, status: 'sent' | 'delivered' | 'read') => WebhookItem;
}

/** Many webhooks at once, for tests that post them themselves. The messages are noted as written. */
export function makeDeliveries(host: DeliveriesHost, options: DeliveriesOptions = {}): MadeDeliveries {
  const { messages = 100, customers = 10, statusesFor = [], twice = false, shuffled = false, batch = 1, seed = 1 } = options;
  // An accent and a slash in each, so that each body has escaped characters.
  const text = options.text ?? ((n: number, customer: number) => `Message ${n} of n° ${customer} 1/2`);
  const random = seeded(seed);
  const start = Math.floor(host.now() / 1000) - Math.ceil(messages / customers);
  const people = Array.from({ length: customers }, (_, n) => host.customer(`+26377${String(1_000_000 + n)}`));
  const made = Array.from({ length: messages }, (_, n) => {
    const [customer, turn] = [n % customers, Math.floor(n / customers)];
    const written = { from: people[customer]!.phone, text: text(turn, customer), timestamp: start + turn };
    return { ...written, ...people[customer]!.compose({ text: written.text }, { timestamp: written.timestamp }) };
  });
  const statuses = statusesFor.flatMap((id) => (['sent', 'delivered', 'read'] as const).map((status) => ({ id, status })));
  const items = [...made.map(({ item }) => item), ...statuses.map(({ id, status }) => host.statusItem(id, status))];
  if (shuffled) shuffle(items, random);
  const deliveries: Delivery[] = [];
  for (let at = 0; at < items.length; at += batch) {
    const body = bodyOf(host, changesOf(host, items.slice(at, at + batch)));
    const delivery = { body, headers: webhookHeaders(host.appSecret, body) };
    deliveries.push(delivery, ...(twice ? [delivery] : []));
  }
  if (shuffled) shuffle(deliveries, random);
  return {
    deliveries,
    messages: made.map(({ id, from, text: words, timestamp }) => ({ id, from, text: words, timestamp })),
    statuses,
  };
}

export interface PostOptions {
  /** Posts under way at once. */
  concurrency?: number;
  /** Tries of one delivery, at most; Meta goes on for 7 days. */
  tries?: number;
}

export interface PostReport {
  posted: number;
  accepted: number;
  /** Deliveries that no try brought through. */
  lost: number;
  /** How often each answer came; 0 stands for none. */
  statuses: Record<number, number>;
  ms: number;
  perSecond: number;
  /** Of answered posts, in milliseconds. */
  latency: { p50: number; p95: number; p99: number; max: number };
}

/** Posts all of them, each until it is accepted. */
export async function postDeliveries(
  url: string,
  deliveries: readonly Delivery[],
  { concurrency = 32, tries = 5 }: PostOptions = {},
): Promise<PostReport> {
  const { origin, pathname, search } = new URL(url);
  const pool = new Pool(origin, { connections: concurrency });
  const took: number[] = [];
  const statuses: Record<number, number> = {};
  const count = { posted: 0, accepted: 0, lost: 0 };
  const post = async ({ body, headers }: Delivery): Promise<boolean> => {
    const start = performance.now();
    count.posted += 1;
    let status = 0;
    try {
      const answer = await pool.request({ path: pathname + search, method: 'POST', headers, body });
      await answer.body.dump();
      status = answer.statusCode;
      took.push(performance.now() - start);
    } catch {
      // Counted as 0: no answer is one of the outcomes.
    }
    statuses[status] = (statuses[status] ?? 0) + 1;
    return status >= 200 && status < 300;
  };
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < deliveries.length) {
      const delivery = deliveries[next]!;
      next += 1;
      let accepted = false;
      for (let n = 0; n < tries && !accepted; n += 1) accepted = await post(delivery);
      count[accepted ? 'accepted' : 'lost'] += 1;
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: concurrency }, lane));
  const ms = performance.now() - start;
  await pool.close();
  took.sort((a, b) => a - b);
  const at = (share: number) => Number((took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? 0).toFixed(1));
  return {
    ...count,
    statuses,
    ms: Math.round(ms),
    perSecond: Math.round((count.posted / ms) * 1000),
    latency: { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) },
  };
}
