import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Agent } from 'undici';
import { seeded } from '../random.js';
import { BusinessNumber, type NumberOptions } from './business-number.js';
import { type Answer, respond, respondHalf } from './http.js';
import { type Outcome, route } from './routes.js';

/** Answers requests beside the Graph API, below `/_mock`. */
export type SideDoor = (graph: GraphApi, request: IncomingMessage) => Promise<Answer>;

export class GraphApi {
  /** For WHATSAPP_CLOUD_BASE_URL. */
  url = '';
  /** Everything is answered with a 503 that is no JSON, as from a gateway whose backend is away. */
  down = false;
  /** Each answer takes so long; of a pair, a random time between the two. */
  latencyMs: number | [min: number, max: number] = 0;
  /** Requests to the Graph API since the start. */
  requests = 0;
  readonly numbers = new Map<string, BusinessNumber>();
  #seed: number;
  #streams = new Map<string, () => number>();
  #ahead = 0;
  #port = 0;
  readonly #agent = new Agent({ connections: 64, pipelining: 1 });
  readonly #server: Server;

  constructor(
    seed: number,
    private readonly sideDoor?: SideDoor,
  ) {
    this.#seed = seed;
    this.#server = createServer((request, response) => void this.#serve(request, response));
    // A client that uses a connection again while the server gives it up would see faults that nobody asked for.
    this.#server.keepAliveTimeout = 300_000;
  }

  /** A new business number. */
  number(options: NumberOptions = {}): BusinessNumber {
    const order = this.numbers.size;
    const stream = (name: string) => this.#stream(`${name} of ${order}`);
    const number = new BusinessNumber({ now: () => this.now(), stream, dispatcher: this.#agent }, options);
    if (this.numbers.has(number.phoneNumberId)) throw new Error(`there is a number ${number.phoneNumberId} already`);
    this.numbers.set(number.phoneNumberId, number);
    return number;
  }

  /** Milliseconds; ahead of the clock by what `advance` was told. */
  now(): number {
    return Date.now() + this.#ahead;
  }

  /** Lets time pass: windows close, media and their URLs die. */
  advance(ms: number): void {
    this.#ahead += ms;
  }

  get seed(): number {
    return this.#seed;
  }

  /** Starts all that is random from the beginning. */
  set seed(seed: number) {
    this.#seed = seed;
    this.#streams.clear();
  }

  /** Connections are refused until `listen()`. */
  async refuse(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  /** On the port that it had. */
  async listen(port = this.#port): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#port = (this.#server.address() as AddressInfo).port;
    this.url = `http://127.0.0.1:${this.#port}`;
  }

  async close(): Promise<void> {
    for (const number of this.numbers.values()) number.outbox.close();
    if (this.#server.listening) await this.refuse();
    await this.#agent.destroy();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.sideDoor && request.url!.startsWith('/_mock')) {
      respond(response, await this.sideDoor(this, request));
      return;
    }
    this.requests += 1;
    if (this.down) {
      request.resume();
      respond(response, {
        status: 503,
        body: Buffer.from('<html>upstream connect error</html>'),
        headers: { 'content-type': 'text/html' },
      });
      return;
    }
    const at = this.now();
    const outcome = await route({ baseUrl: this.url, numbers: this.numbers }, request);
    const latency = this.#latency();
    if (latency > 0) await pause(latency);
    const { fault } = outcome;
    log(outcome, request, at);
    if (fault?.kind === 'drop') {
      if (fault.when === 'during' && Buffer.isBuffer(outcome.answer.body)) await respondHalf(response, outcome.answer);
      request.socket.destroy();
    } else if (fault?.kind !== 'hang') {
      request.resume();
      respond(response, outcome.answer);
    } else if (fault.ms !== undefined) {
      setTimeout(() => respond(response, outcome.answer), fault.ms).unref();
    }
    if (outcome.after) setImmediate(outcome.after);
  }

  #latency(): number {
    if (typeof this.latencyMs === 'number') return this.latencyMs;
    const [min, max] = this.latencyMs;
    return min + this.#stream('latency')() * (max - min);
  }

  /** Each use has a stream of its own, so that how often one draws does not change what another gets. */
  #stream(name: string): () => number {
    return () => {
      let stream = this.#streams.get(name);
      if (!stream) {
        let hash = this.#seed;
        for (const character of name) hash = (Math.imul(hash, 31) + character.codePointAt(0)!) >>> 0;
        this.#streams.set(name, (stream = seeded(hash)));
      }
      return stream();
    };
  }
}

function log({ number, operation, answer, body = '', code, fault }: Outcome, request: IncomingMessage, at: number): void {
  const outcome = fault?.kind === 'drop' ? 'dropped' : fault?.kind === 'hang' ? 'hung' : answer.status;
  number?.requests.add({
    method: request.method!,
    path: request.url!,
    operation,
    body,
    authorization: request.headers.authorization,
    at,
    outcome,
    code,
  });
}
