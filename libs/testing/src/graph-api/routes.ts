import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { BusinessNumber } from './business-number.js';
import type { Fault, Operation } from './faults.js';
import { GraphError, refuse } from './graph-error.js';
import { type Answer, parseForm, parseJson, readBody } from './http.js';
import { DOWNLOAD_PATH } from './media-store.js';

/** What to do with a request: the answer, and what becomes of it on its way. */
export interface Outcome {
  answer: Answer;
  number?: BusinessNumber;
  operation: Operation;
  /** Of JSON requests. */
  body?: string;
  code?: number;
  fault?: Fault;
  /** Runs once the answer is under way: webhooks are told then. */
  after?: () => void;
}

export interface Registry {
  baseUrl: string;
  numbers: ReadonlyMap<string, BusinessNumber>;
}

interface Call {
  number: BusinessNumber;
  request: IncomingMessage;
  baseUrl: string;
  path: string;
  query: URLSearchParams;
  /** The first id of the path. */
  id: string;
}

const JSON_MAX = 1024 * 1024;
const FORM_MAX = 110 * 1024 * 1024;

/** Answers a request to the Graph API. Never throws: errors are answers. */
export async function route(registry: Registry, request: IncomingMessage): Promise<Outcome> {
  const [path = '', search = ''] = request.url!.split('?', 2);
  const query = new URLSearchParams(search);
  const outcome: Outcome = { answer: { status: 500, body: {} }, operation: 'info' };
  try {
    const [, id = '', edge = ''] = /^\/v\d+\.\d+\/(\w+)(?:\/(\w+))?\/?$/.exec(path) ?? [];
    const download = path === DOWNLOAD_PATH;
    if (!id && !download) refuse(`Unknown path components: ${path}`);
    // The path names the number even when the token is wrong, so that its log has that request too.
    outcome.number = registry.numbers.get(id);
    outcome.operation = operationOf(edge, download);
    const mine = [...registry.numbers.values()].filter(
      (number) => `Bearer ${number.accessToken}` === request.headers.authorization,
    );
    if (mine.length === 0) {
      const message = request.headers.authorization
        ? 'Invalid OAuth access token - Cannot parse access token'
        : 'An access token is required to request this resource.';
      throw new GraphError({ code: 190, message });
    }
    const call = { request, baseUrl: registry.baseUrl, path, query, id };
    const own = mine.find((number) => number.phoneNumberId === id);
    const business = mine.find((number) => number.wabaId === id);
    const method = request.method ?? 'GET';
    if (own && method === 'POST' && edge === 'messages') await messages({ ...call, number: own }, outcome);
    else if (own && method === 'POST' && edge === 'media') await upload({ ...call, number: own }, outcome);
    else if (own && method === 'GET' && edge === '') plain(outcome, own, () => info({ ...call, number: own }));
    else if (business && method === 'GET' && edge === 'message_templates') {
      plain(outcome, business, () => business.templates.page(query, registry.baseUrl + path));
    } else files(mine, { ...call, method, edge, download }, outcome);
  } catch (error) {
    outcome.answer = answerOf(error);
    if (error instanceof GraphError) outcome.code = error.code;
  }
  return outcome;
}

function operationOf(edge: string, download: boolean): Operation {
  if (edge === 'messages') return 'message';
  if (edge === 'message_templates') return 'templates';
  return edge === 'media' || download ? 'media' : 'info';
}

export function answerOf(error: unknown): Answer {
  if (!(error instanceof GraphError))
    return { status: 500, body: { error: { message: String(error), code: 1, type: 'MockFault' } } };
  const { retryAfter } = error.failure;
  return {
    status: error.status,
    body: error.body,
    headers: {
      ...(error.status === 401 ? { 'www-authenticate': `OAuth "Facebook Platform" "invalid_token" "${error.message}"` } : {}),
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    },
  };
}

/** Meets a fault. @returns false when the request is not to be done. @throws GraphError when it fails */
function goesOn({ fault }: Outcome): boolean {
  if (fault?.kind === 'fail') throw new GraphError(fault.failure);
  return !(fault?.kind === 'drop' && fault.when === 'before');
}

function meet(outcome: Outcome, number: BusinessNumber): boolean {
  outcome.number = number;
  outcome.fault = number.takeFault(outcome.operation);
  return goesOn(outcome);
}

function plain(outcome: Outcome, number: BusinessNumber, work: () => object): void {
  if (meet(outcome, number)) outcome.answer = { status: 200, body: work() };
}

async function messages({ number, request }: Call, outcome: Outcome): Promise<void> {
  outcome.body = (await readBody(request, JSON_MAX)).toString();
  const body = parseJson(outcome.body);
  if (body.status !== undefined) {
    outcome.operation = 'mark';
    if (meet(outcome, number)) number.mark(body);
    outcome.answer = { status: 200, body: { success: true } };
    return;
  }
  const { message, customer } = number.check(body);
  outcome.fault = customer.takeFault('message') ?? number.takeFault('message');
  const failure = outcome.fault?.kind === 'fail' ? outcome.fault.failure : undefined;
  if (failure?.by === 'webhook' || failure?.by === 'both') {
    const sent = number.deliver(message, customer, '', false);
    outcome.after = () => number.announce(customer, sent, failure);
    if (failure.by === 'both') throw new GraphError(failure);
    outcome.answer = { status: 200, body: acceptance(sent.id, message, customer.waId) };
    return;
  }
  if (!goesOn(outcome)) return;
  const accepted = number.accept(message, customer);
  outcome.after = () => number.announce(customer, accepted.sent, accepted.failure);
  outcome.answer = { status: 200, body: acceptance(accepted.sent.id, message, customer.waId) };
}

function acceptance(id: string, message: { type: string; to?: string; userId?: string }, waId: string): object {
  // A recipient by user id stays without a number: the business may not know it.
  const contact =
    message.to === undefined ? { input: message.userId, user_id: message.userId } : { input: message.to, wa_id: waId };
  return {
    messaging_product: 'whatsapp',
    contacts: [contact],
    messages: [message.type === 'template' ? { id, message_status: 'accepted' } : { id }],
  };
}

async function upload({ number, request }: Call, outcome: Outcome): Promise<void> {
  outcome.fault = number.takeFault(outcome.operation);
  if (outcome.fault?.kind === 'drop' && outcome.fault.when === 'during') {
    await once(request, 'data');
    return;
  }
  const form = parseForm(request.headers['content-type'], await readBody(request, FORM_MAX));
  if (!goesOn(outcome)) return;
  if (form.get('messaging_product')?.bytes.toString() !== 'whatsapp') refuse('The parameter messaging_product is required.');
  const file = form.get('file');
  if (!file) refuse('The parameter file is required.');
  // Meta goes by the part's own type; `type` is the same for those clients whose parts have none.
  const mimeType = file.contentType ?? form.get('type')?.bytes.toString() ?? 'application/octet-stream';
  const stored = number.media.upload({ bytes: Buffer.from(file.bytes), mimeType, filename: file.filename });
  outcome.answer = { status: 200, body: { id: stored.id } };
}

/** Files are found by their id among all that the token may see. */
function files(
  mine: BusinessNumber[],
  { id, baseUrl, query, method, edge, download }: Omit<Call, 'number'> & { method: string; edge: string; download: boolean },
  outcome: Outcome,
): void {
  const wanted = download ? (query.get('mid') ?? '') : id;
  const number = mine.find((one) => one.media.get(wanted));
  if (download) {
    outcome.number = number ?? mine[0]!;
    if (!meet(outcome, outcome.number)) return;
    const file = outcome.number.media.download(query);
    outcome.answer = { status: 200, body: file.bytes, headers: { 'content-type': file.mimeType } };
    return;
  }
  if (!number || edge !== '' || (method !== 'GET' && method !== 'DELETE')) {
    const reason = 'does not exist, cannot be loaded due to missing permissions, or does not support this operation';
    const verb = method.toLowerCase();
    throw new GraphError({ code: 100, subcode: 33, message: `Unsupported ${verb} request. Object with ID '${id}' ${reason}.` });
  }
  outcome.operation = 'media';
  if (!meet(outcome, number)) return;
  if (method === 'DELETE') number.media.delete(id);
  outcome.answer = {
    status: 200,
    body: method === 'DELETE' ? { success: true } : number.media.describe(number.media.get(id)!, baseUrl),
  };
}

/** https://developers.facebook.com/docs/graph-api/reference/whats-app-business-account-to-number-current-status */
function info({ number, query }: Call): object {
  const all: Record<string, unknown> = {
    verified_name: 'Test Shop',
    code_verification_status: 'VERIFIED',
    display_phone_number: `+${number.displayPhone}`,
    quality_rating: 'GREEN',
    platform_type: 'CLOUD_API',
    throughput: { level: 'STANDARD' },
    status: 'CONNECTED',
    name_status: 'APPROVED',
    account_mode: 'LIVE',
    messaging_limit_tier: 'TIER_1K',
    health_status: { can_send_message: 'AVAILABLE' },
    ...number.info,
    id: number.phoneNumberId,
  };
  const usual = [
    'verified_name',
    'code_verification_status',
    'display_phone_number',
    'quality_rating',
    'platform_type',
    'throughput',
  ];
  const asked = query.get('fields')?.split(',').filter(Boolean) ?? usual;
  for (const field of asked) {
    if (!(field in all)) refuse(`Tried accessing nonexisting field (${field}) on node type (WhatsAppBusinessPhoneNumber)`);
  }
  return Object.fromEntries([...new Set([...asked, 'id'])].map((field) => [field, all[field]]));
}
