import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Stripe } from 'stripe';

const webhooks = new Stripe('sk_test_of_the_mock').webhooks;

interface Call {
  path: string;
  key: string;
  form: URLSearchParams;
}
interface Answer {
  status: number;
  body: object;
}

/** Stripe's API, as far as Checkout and refunds go, on the loopback interface. */
export interface StripeApi {
  url: string;
  /** The POSTs that were made, each once however often it came. */
  calls: Call[];
  /** What the next POST is answered in place of its answer. */
  failNext: (answer: Answer) => void;
  /** The body and headers of a signed notice. */
  notice: (secret: string, type: string, object: object, id?: string) => { body: string; headers: Record<string, string> };
  /** The page, as a notice tells of it once it was paid. */
  paid: (paymentId: string) => object;
  close: () => Promise<void>;
}

/** Answers twice the same to the same `Idempotency-Key`, and refuses one that asks for something else with it, as Stripe does. */
export async function startStripe(): Promise<StripeApi> {
  const calls: Call[] = [];
  const answers = new Map<string, { asked: string; answer: Answer }>();
  const sessions = new Map<string, Record<string, unknown>>();
  const failures: Answer[] = [];
  let n = 0;

  const answer = (call: Call): Answer => {
    calls.push(call);
    const { path, form } = call;
    if (path === '/v1/checkout/sessions') {
      const id = `cs_test_${(n += 1)}`;
      const session = {
        id,
        object: 'checkout.session',
        client_reference_id: form.get('client_reference_id'),
        amount_total: Number(form.get('line_items[0][price_data][unit_amount]')),
        currency: form.get('line_items[0][price_data][currency]'),
        payment_intent: `pi_test_${n}`,
        payment_status: 'unpaid',
        url: `https://checkout.stripe.example/${id}`,
      };
      sessions.set(id, session);
      return { status: 200, body: session };
    }
    if (path === '/v1/refunds')
      return { status: 200, body: { id: `re_test_${(n += 1)}`, object: 'refund', status: 'succeeded' } };
    return { status: 404, body: { error: { type: 'invalid_request_error', message: `no ${path}` } } };
  };

  const server = createServer((request, response) => {
    void (async () => {
      const path = request.url!.split('?')[0]!;
      const page = /^\/v1\/checkout\/sessions\/(.+)$/.exec(path)?.[1];
      if (page) return reply(response, { status: 200, body: sessions.get(page) ?? {} });
      const form = new URLSearchParams(await textOf(request));
      const key = String(request.headers['idempotency-key']);
      const failure = failures.shift();
      if (failure) return reply(response, failure);
      const asked = `${path}?${form.toString()}`;
      const known = answers.get(key) ?? { asked, answer: answer({ path, key, form }) };
      answers.set(key, known);
      reply(response, known.asked === asked ? known.answer : OTHER);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    failNext: (failure) => void failures.push(failure),
    notice: (secret, type, object, id = `evt_test_${(n += 1)}`) => {
      const body = JSON.stringify({ id, object: 'event', type, data: { object } });
      const signature = webhooks.generateTestHeaderString({ payload: body, secret });
      return { body, headers: { 'content-type': 'application/json', 'stripe-signature': signature } };
    },
    paid: (paymentId) => ({
      ...[...sessions.values()].find(({ client_reference_id: id }) => id === paymentId),
      payment_status: 'paid',
    }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const OTHER: Answer = {
  status: 400,
  body: {
    error: { type: 'idempotency_error', message: 'Keys for idempotent requests can only be used with the same parameters' },
  },
};

const reply = (response: ServerResponse, { status, body }: Answer): void =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
