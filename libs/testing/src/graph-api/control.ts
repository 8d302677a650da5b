import type { IncomingMessage } from 'node:http';
import type { BusinessNumber, Status } from './business-number.js';
import type { WriteOptions } from './customer.js';
import type { DeliveriesOptions, PostOptions } from './deliveries.js';
import type { DropTime, FailOptions, Operation } from './faults.js';
import type { GraphApi } from './graph-api.js';
import { GraphError } from './graph-error.js';
import { type Answer, parseJson, readBody } from './http.js';
import type { Content } from './incoming.js';
import type { NewTemplate } from './template-book.js';

interface Order {
  graph: GraphApi;
  /** The parts of the path that stand at `:id` and `:phone`. */
  id: string;
  phone: string;
  query: URLSearchParams;
  body: Record<string, unknown>;
}

type Work = (order: Order) => unknown;

/** A fault by name: `{ "fail": { "code": 131056 }, "next": 3 }`, `{ "hang": { "ms": 500 }, "rate": 0.1 }`, `{ "drop": "after", "next": 1 }`. */
interface FaultOrder {
  next?: number;
  rate?: number;
  fail?: FailOptions;
  hang?: { ms?: number };
  drop?: DropTime;
  on?: Operation;
  /** Of one customer only: the phone number. */
  customer?: string;
}

function numberOf({ graph, id }: Order): BusinessNumber {
  const number = graph.numbers.get(id) ?? (id === 'first' ? graph.numbers.values().next().value : undefined);
  if (!number) throw new Error(`no number ${id}`);
  return number;
}

function viewOf(number: BusinessNumber): object {
  const { phoneNumberId, wabaId, accessToken, appSecret, verifyToken, displayPhone, webhookUrl } = number;
  return { phoneNumberId, wabaId, accessToken, appSecret, verifyToken, displayPhone: `+${displayPhone}`, webhookUrl };
}

function statsOf(graph: GraphApi): object {
  const numbers = [...graph.numbers.values()].map((number) => {
    const { total, by, codes, unanswered } = number.requests;
    const { phoneNumberId, undelivered } = number;
    const counts = { customers: number.customers.size, accepted: number.acceptedCount, marks: by.mark, media: number.media.size };
    return {
      phoneNumberId,
      ...counts,
      requests: { total, by, codes, unanswered },
      webhooks: { ...number.outbox.stats, undelivered },
    };
  });
  return { requests: graph.requests, seed: graph.seed, down: graph.down, memory: process.memoryUsage().rss, numbers };
}

function change({ graph, body }: Order): void {
  const { down, latencyMs, seed, advanceMs, refuseForMs } = body as Partial<
    Pick<GraphApi, 'down' | 'latencyMs' | 'seed'> & { advanceMs: number; refuseForMs: number }
  >;
  if (down !== undefined) graph.down = down;
  if (latencyMs !== undefined) graph.latencyMs = latencyMs;
  if (seed !== undefined) graph.seed = seed;
  if (advanceMs !== undefined) graph.advance(advanceMs);
  if (refuseForMs === undefined) return;
  // After this answer; nothing could be told to a server that listens no more, so it comes back by itself.
  setTimeout(() => void graph.refuse(), 10);
  setTimeout(() => void graph.listen(), 10 + refuseForMs);
}

const create: Work = ({ graph, body }) => viewOf(graph.number(body));

function settable(): string[] {
  const credentials = ['accessToken', 'appSecret', 'verifyToken', 'webhookUrl'];
  return [...credentials, 'statuses', 'enforceWindow', 'rate', 'pairRate', 'webhooks', 'info'];
}

const patch: Work = (order) => {
  const unknown = Object.keys(order.body).find((key) => !settable().includes(key));
  if (unknown) throw new Error(`${unknown} is none of ${settable().join(', ')}`);
  const entries = Object.entries(order.body).map(([key, value]) => [key, value ?? undefined]);
  return viewOf(Object.assign(numberOf(order), Object.fromEntries(entries)));
};

const addTemplate: Work = (order) => numberOf(order).templates.add(order.body as unknown as NewTemplate);

const fault: Work = (order) => {
  const { next, rate, fail, hang, drop, on, customer } = order.body as FaultOrder;
  const number = numberOf(order);
  const target = customer === undefined ? number : number.customer(customer);
  if ((next === undefined) === (rate === undefined)) throw new Error('one of next and rate is needed');
  if (fail) {
    if (next === undefined) target.failRandomly(rate!, [{ ...fail, on }]);
    else target.failNext(next, { ...fail, on });
  } else if (hang) {
    if (next === undefined) target.hangRandomly(rate!, hang.ms, on);
    else target.hangNext(next, hang.ms, on);
  } else if (drop) {
    if (next === undefined) target.dropRandomly(rate!, drop, on);
    else target.dropNext(next, drop, on);
  } else throw new Error('one of fail, hang and drop is needed');
};

const clearFaults: Work = (order) => {
  const number = numberOf(order);
  for (const target of [number, ...number.customers.values()]) target.clearFaults();
};

const status: Work = (order) => {
  const { id, status: name, code } = order.body as { id: string; status: Status; code?: number };
  return numberOf(order).status(id, name, code);
};

const load: Work = (order) => {
  const options = order.body as DeliveriesOptions & PostOptions;
  const number = numberOf(order);
  return number.postDeliveries(number.makeDeliveries(options), options);
};

const patchCustomer: Work = (order) => {
  const { name, userId, phoneHidden, reads, lastWroteAt } = numberOf(order).customer(order.phone, order.body);
  return { name, userId, phoneHidden, reads, lastWroteAt };
};

const write: Work = async (order) => {
  const { id, timestamp, context, ...content } = order.body as WriteOptions & Record<string, { base64?: string }>;
  // JSON has no bytes: files come as base64.
  for (const file of Object.values(content)) {
    if (typeof file?.base64 === 'string') Object.assign(file, { bytes: Buffer.from(file.base64, 'base64') });
  }
  const written = await numberOf(order)
    .customer(order.phone)
    .write(content as unknown as Content, { id, timestamp, context });
  return { id: written };
};

const received: Work = (order) =>
  numberOf(order)
    .customer(order.phone)
    .received.slice(Number(order.query.get('after') ?? 0));

/** What can be ordered, and what `GET /_mock` says of it. */
const ROUTES: [method: string, path: string, help: string, work: Work][] = [
  ['GET', '/_mock', 'this list', () => ROUTES.map(([method, path, help]) => `${method} ${path}: ${help}`)],
  ['GET', '/_mock/stats', 'what happened so far', ({ graph }) => statsOf(graph)],
  ['PATCH', '/_mock', '{ down, latencyMs, seed, advanceMs, refuseForMs }: the server as a whole', change],
  ['POST', '/_mock/numbers', '{ phoneNumberId, wabaId, accessToken, appSecret, verifyToken, displayPhone, webhookUrl }', create],
  ['GET', '/_mock/numbers', 'all numbers', ({ graph }) => [...graph.numbers.values()].map((number) => viewOf(number))],
  ['GET', '/_mock/numbers/:id', 'one number', (order) => viewOf(numberOf(order))],
  ['PATCH', '/_mock/numbers/:id', `{ ${settable().join(', ')} }`, patch],
  ['POST', '/_mock/numbers/:id/verify', "Meta's handshake", async (order) => ({ verified: await numberOf(order).verify() })],
  ['POST', '/_mock/numbers/:id/templates', '{ name, language, header, body, footer, buttons, … }', addTemplate],
  ['GET', '/_mock/numbers/:id/requests', 'the latest requests', (order) => numberOf(order).requests.latest],
  ['GET', '/_mock/numbers/:id/marks', 'read and typing calls', (order) => numberOf(order).marks],
  ['POST', '/_mock/numbers/:id/faults', '{ next | rate, fail: { code, … } | hang: { ms } | drop, on, customer }', fault],
  ['DELETE', '/_mock/numbers/:id/faults', 'ends all faults of the number and its customers', clearFaults],
  ['POST', '/_mock/numbers/:id/statuses', '{ id, status, code }: tells a status', status],
  ['POST', '/_mock/numbers/:id/flush', 'sends webhooks that are held back', (order) => numberOf(order).flushWebhooks()],
  [
    'POST',
    '/_mock/numbers/:id/deliveries',
    '{ messages, customers, twice, shuffled, batch, seed, concurrency }: posts a load',
    load,
  ],
  ['PATCH', '/_mock/numbers/:id/customers/:phone', '{ name, userId, username, phoneHidden, reads, lastWroteAt }', patchCustomer],
  ['POST', '/_mock/numbers/:id/customers/:phone/messages', '{ text | buttonReply | …, id, timestamp, context }', write],
  ['GET', '/_mock/numbers/:id/customers/:phone/received?after=n', 'what the customer was sent, from the nth', received],
];

/** Answers `/_mock/…`. Unlike the Graph API it is for us alone: no token. */
export async function control(graph: GraphApi, request: IncomingMessage): Promise<Answer> {
  const [path = '', search] = request.url!.split('?', 2);
  const parts = path.split('/').filter(Boolean);
  try {
    const body = parseJson((await readBody(request, 20 * 1024 * 1024)).toString());
    for (const [method, pattern, , work] of ROUTES) {
      const wanted = pattern.split('?')[0]!.split('/').filter(Boolean);
      if (method !== request.method || wanted.length !== parts.length) continue;
      if (!wanted.every((part, at) => part.startsWith(':') || part === parts[at])) continue;
      const [, , id = '', , phone = ''] = parts.map(decodeURIComponent);
      const result = await work({ graph, id, phone, query: new URLSearchParams(search), body });
      return { status: 200, body: (result as object | undefined) ?? { done: true } };
    }
    return { status: 404, body: { error: `no ${request.method} ${path}: GET /_mock lists what there is` } };
  } catch (error) {
    const message = error instanceof GraphError ? (error.failure.details ?? error.message) : (error as Error).message;
    return { status: 400, body: { error: message } };
  }
}
