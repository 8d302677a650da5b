import type { ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';
import { type ReceivedCall, startReceiver } from '../receiver.js';
import type { NumberOptions } from './business-number.js';
import { signatureOf } from './envelope.js';
import { startGraphApi } from './start.js';

/** What a webhook tells, without its envelope. */
export interface Told {
  id: string;
  from?: string;
  from_user_id?: string;
  timestamp: string;
  type?: string;
  status?: string;
  text?: { body: string };
  [key: string]: unknown;
}

interface Change {
  field: string;
  value: { metadata: object; contacts?: object[]; messages?: Told[]; statuses?: Told[]; user_preferences?: object[] };
}

export interface Webhook {
  object: string;
  entry: { id: string; changes: Change[] }[];
}

export interface GraphAnswer {
  status: number;
  headers: Headers;
  body: {
    id?: string;
    url?: string;
    contacts?: object[];
    messages?: { id: string; message_status?: string }[];
    data?: { name: string }[];
    paging?: { cursors: object; next?: string };
    error?: { code: number; message: string; error_subcode?: number; error_data?: { details: string } };
    [key: string]: unknown;
  };
}

export const changesIn = (call: ReceivedCall): Change[] =>
  (JSON.parse(call.body) as Webhook).entry.flatMap((entry) => entry.changes);

/** A running server, a number of it, and an endpoint that its webhooks go to. All end with the test. */
export async function setup({
  answer,
  ...options
}: NumberOptions & { answer?: (response: ServerResponse, call: ReceivedCall) => void } = {}) {
  const graph = await startGraphApi({ seed: 7 });
  const receiver = await startReceiver(answer);
  onTestFinished(async () => {
    await graph.close();
    await receiver.close();
  });
  const number = graph.number({ webhookUrl: receiver.url, displayPhone: '+263780000001', ...options });
  const call = async (method: string, path: string, body?: unknown, token = number.accessToken): Promise<GraphAnswer> => {
    const form = body instanceof FormData;
    const response = await fetch(path.startsWith('http') ? path : `${graph.url}/v26.0${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(form ? {} : { 'content-type': 'application/json' }) },
      body: form ? body : JSON.stringify(body),
      signal: AbortSignal.timeout(5_000),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: JSON.parse(text) as GraphAnswer['body'] };
  };
  const post = (body: object) => call('POST', `/${number.phoneNumberId}/messages`, { messaging_product: 'whatsapp', ...body });
  const changes = () => receiver.calls.flatMap(changesIn);
  return {
    graph,
    receiver,
    number,
    call,
    post,
    send: (body: object = { text: { body: 'Hi' } }, to = '+263771234567') => post({ to, type: Object.keys(body)[0], ...body }),
    changes,
    messages: () => changes().flatMap(({ value }) => value.messages ?? []),
    statuses: () => changes().flatMap(({ value }) => value.statuses ?? []),
    signed: ({ body, headers }: ReceivedCall) => headers['x-hub-signature-256'] === signatureOf(number.appSecret, body),
  };
}
