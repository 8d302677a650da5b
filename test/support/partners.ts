import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

/** How a partner answers a call. */
export type Mood = 'well' | 'fails' | 'hangs' | 'redirects' | 'drips' | 'resets' | 'garbage';

interface Envelope {
  id: string;
  type: string;
  timestamp: string;
}

export interface Receipt {
  /** Calls for the event that were answered 200. */
  times: number;
  /** From the event to the first call, in ms. */
  tookMs: number;
  at: number;
}

/** A partner's endpoint that is not always well, checks every signature as the official library does, and remembers what it took. */
export class Partner {
  calls = 0;
  readonly moods = new Map<Mood, number>();
  /** What it answered 200, by event. */
  readonly taken = new Map<string, Receipt>();
  /** What must never be: a wrong signature, an id that is not the event's. */
  readonly faults: string[] = [];
  /** Of its subscription. */
  secret?: string;
  private verifier?: Webhook;
  private readonly server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => this.take(request.headers, Buffer.concat(chunks).toString(), response));
    request.on('error', () => undefined);
  });

  private constructor(
    private readonly mood: () => Mood,
    private readonly elsewhere: string,
  ) {}

  /** @param mood of the next call. @param elsewhere where `redirects` sends the caller */
  static async start(mood: () => Mood = () => 'well', elsewhere = ''): Promise<Partner> {
    const partner = new Partner(mood, elsewhere);
    await new Promise<void>((resolve) => partner.server.listen(0, '127.0.0.1', resolve));
    return partner;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hooks`;
  }

  /** Calls for what it had taken already. */
  get repeats(): number {
    return [...this.taken.values()].reduce((sum, { times }) => sum + times - 1, 0);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private take(headers: IncomingHttpHeaders, body: string, response: ServerResponse): void {
    this.calls += 1;
    const id = String(headers['webhook-id']);
    const event = this.read(id, headers, body);
    const mood = this.mood();
    this.moods.set(mood, (this.moods.get(mood) ?? 0) + 1);
    if (mood === 'well' && event) {
      const known = this.taken.get(id);
      if (known) known.times += 1;
      else this.taken.set(id, { times: 1, at: Date.now(), tookMs: Date.now() - Date.parse(event.timestamp) });
    }
    answer(mood, response, this.elsewhere);
  }

  private read(id: string, headers: IncomingHttpHeaders, body: string): Envelope | undefined {
    try {
      this.verifier ??= new Webhook(this.secret!);
      const event = this.verifier.verify(body, headers as Record<string, string>) as Envelope;
      if (event.id !== id) this.faults.push(`webhook-id ${id} came with the event ${event.id}`);
      return event;
    } catch (error) {
      this.faults.push(`${id}: ${String(error)}`);
      return undefined;
    }
  }
}

function answer(mood: Mood, response: ServerResponse, elsewhere: string): void {
  const { socket } = response;
  switch (mood) {
    case 'well':
      response.end('ok');
      return;
    case 'fails':
      response.writeHead(500).end('sorry');
      return;
    case 'hangs':
      return;
    case 'redirects':
      response.writeHead(307, { location: elsewhere }).end();
      return;
    case 'drips': {
      response.writeHead(200, { 'content-type': 'text/plain' });
      const drip = setInterval(() => response.write('.'), 300);
      response.on('close', () => clearInterval(drip));
      return;
    }
    case 'resets':
      socket?.resetAndDestroy();
      return;
    case 'garbage':
      socket?.end('\0\x01 this is no HTTP \r\n\r\n');
  }
}
