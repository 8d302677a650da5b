import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ClosingCode } from './closing.js';
import type { Content } from './contents.js';
import type { Customer, WriteOptions } from './customer.js';
import { Load, type LoadOrder } from './load.js';
import type { Phone } from './phone.js';
import type { WhatsappWeb } from './server.js';

/** What a request may carry: each route takes its own part of it. */
interface Body extends WriteOptions, Partial<LoadOrder> {
  qr?: string;
  code?: string | number;
  count?: number;
  reason?: number;
  number?: string;
  error?: string | null;
  read?: string;
  loseAcks?: boolean;
  lateAcks?: boolean;
  deaf?: boolean | 'pings';
  held?: boolean;
}

interface Call {
  server: WhatsappWeb;
  loads: Load[];
  /** The number in the path. */
  number: string;
  body: Body;
}

type Route = [method: string, path: RegExp, run: (call: Call) => unknown];

const PHONE = '/phones/(\\+?\\d+)';
const CUSTOMER = '/customers/(\\+?\\d+)';

const ROUTES: Route[] = [
  ['GET', at(PHONE), ({ server, number }) => phoneView(server.phone(number))],
  ['PATCH', at(PHONE), ({ server, number, body }) => setFaults(server.phone(number), body)],
  ['POST', at(`${PHONE}/scan`), ({ server, number, body }) => server.phone(number).scan(body.qr ?? '')],
  ['POST', at(`${PHONE}/enter-code`), ({ server, number, body }) => server.phone(number).enterCode(String(body.code ?? ''))],
  ['POST', at(`${PHONE}/remove-device`), ({ server, number }) => server.phone(number).removeDevice()],
  [
    'POST',
    at(`${PHONE}/close`),
    ({ server, number, body }) => server.phone(number).close(Number(body.code ?? 428) as ClosingCode),
  ],
  [
    'POST',
    at(`${PHONE}/refuse-logins`),
    ({ server, number, body }) => server.phone(number).refuseLogins(body.count ?? 1, body.reason ?? 503),
  ],
  [
    'POST',
    at(`${PHONE}/restrict`),
    ({ server, number, body }) => server.phone(number).restrict(body.number ?? '', body.error ?? undefined),
  ],
  ['GET', at(CUSTOMER), ({ server, number }) => customerView(server.customer(number))],
  ['PATCH', at(CUSTOMER), ({ server, number, body }) => customerView(server.customer(number, body as object))],
  ['GET', at(`${CUSTOMER}/messages`), ({ server, number }) => messages(server.customer(number))],
  ['POST', at(`${CUSTOMER}/messages`), ({ server, number, body }) => write(server, server.customer(number), body)],
  ['POST', at(`${CUSTOMER}/read`), ({ server, number, body }) => server.customer(number).read(body.read ?? body.id ?? '')],
  ['POST', at('/load'), ({ server, loads, body }) => startLoad(server, loads, body)],
  ['GET', at('/stats'), ({ server, loads }) => stats(server, loads)],
];

/** Drives the server from another process: curl, or a bench. */
export function control(server: WhatsappWeb): { stop: () => void } {
  const loads: Load[] = [];
  server.onRequest((request, response) => {
    const { pathname } = new URL(request.url ?? '/', server.origin);
    for (const [method, path, run] of ROUTES) {
      const match = request.method === method ? path.exec(decodeURIComponent(pathname)) : null;
      if (!match) continue;
      void reply(request, response, (body) => run({ server, loads, number: `+${(match[1] ?? '').replace('+', '')}`, body }));
      return true;
    }
    return false;
  });
  return { stop: () => loads.forEach((load) => load.stop()) };
}

async function reply(request: IncomingMessage, response: ServerResponse, run: (body: Body) => unknown): Promise<void> {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = chunks.length > 0 ? (JSON.parse(Buffer.concat(chunks).toString()) as Body) : {};
    const answer = await run(body);
    if (answer === undefined) return void response.writeHead(204).end();
    response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(answer)}\n`);
  } catch (error) {
    response
      .writeHead(400, { 'content-type': 'application/json' })
      .end(`${JSON.stringify({ error: (error as Error).message })}\n`);
  }
}

function at(path: string): RegExp {
  return new RegExp(`^${path}/?$`);
}

function phoneView(phone: Phone): object {
  const { number, linked, online, deaf, loseAcks, lateAcks, sockets, overlaps, sent, preKeysLeft, unacknowledged } = phone;
  const counts = { sent, acknowledged: phone.acknowledged.size, refused: Object.fromEntries(phone.refused) };
  return {
    number,
    lid: `${phone.lidUser}@lid`,
    linked,
    online,
    deaf,
    loseAcks,
    lateAcks,
    overlaps,
    preKeysLeft,
    ...counts,
    unacknowledged,
    sockets,
  };
}

function setFaults(phone: Phone, { loseAcks, lateAcks, deaf, held }: Body): object {
  if (loseAcks !== undefined) phone.loseAcks = loseAcks;
  if (lateAcks !== undefined) phone.lateAcks = lateAcks;
  if (deaf !== undefined) phone.deaf = deaf;
  if (held === true) phone.hold();
  if (held === false) phone.release();
  return phoneView(phone);
}

function customerView({ number, lid, name, addressing, decrypt, autoReceipts, received, arrivals }: Customer): object {
  return { number, lid, name, addressing, decrypt, autoReceipts, received: received.length, arrivals: arrivals.length };
}

async function messages(customer: Customer): Promise<object> {
  const received = await customer.inbox();
  return {
    received: received.map(({ id, from, text, at: time }) => ({ id, from, text, at: time })),
    arrivals: customer.arrivals,
  };
}

async function write(server: WhatsappWeb, customer: Customer, body: Body): Promise<object> {
  const { to, id, ephemeral, undecryptable, twice, ...content } = body;
  if (typeof to !== 'string') throw new Error('`to` is the number of the account that is written to');
  const options = { id, ephemeral, undecryptable, twice };
  return { id: await customer.write(server.phone(to), content as Content, options) };
}

function startLoad(
  server: WhatsappWeb,
  loads: Load[],
  { to = [], customers = 1, count = 1, perSecond = 10, text }: Body,
): object {
  const load = new Load(server, { to: [to].flat(), customers, count, perSecond, ...(text !== undefined && { text }) });
  loads.push(load);
  load.start();
  return load.progress;
}

function stats(server: WhatsappWeb, loads: Load[]): object {
  const { phones, customers } = server;
  const sum = (of: (phone: Phone) => number): number => phones.reduce((total, phone) => total + of(phone), 0);
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return {
    phones: phones.length,
    linked: phones.filter(({ linked }) => linked).length,
    online: phones.filter(({ online }) => online).length,
    overlaps: sum(({ overlaps }) => overlaps),
    waitingToLink: server.waitingToLink,
    customers: customers.length,
    fromDevices: sum(({ sent }) => sent),
    arrivals: customers.reduce((total, { arrivals }) => total + arrivals.length, 0),
    acknowledged: sum(({ acknowledged }) => acknowledged.size),
    unacknowledged: sum(({ unacknowledged }) => unacknowledged.length),
    refused: sum(({ refused }) => refused.size),
    loads: loads.map(({ progress }) => progress),
    errors: server.errors.map(String),
    memory: { rss, heapUsed },
    cpuSeconds: (user + system) / 1_000_000,
  };
}
