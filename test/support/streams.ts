import type { EventEnvelope } from '@soko/contracts';
import { io, type Socket } from 'socket.io-client';

export interface Ended {
  code: string;
  detail: string;
}

/** A client of the stream of events, by either way: remembers what it was sent, over all its connections. */
export interface StreamClient {
  readonly events: EventEnvelope[];
  /** The last reason that the server gave. */
  readonly ended?: Ended;
  /** Connects, behind the last event that it has. @throws Error with the `code` of the refusal */
  connect(baseUrl: string): Promise<void>;
  readonly connected: boolean;
  /** Breaks the connection off. */
  drop(): void;
}

export interface StreamOptions {
  token: string;
  /** Where the first connection begins; from now on when left out. */
  after?: string;
  types?: string[];
}

/** Before the first event. */
export const BEGINNING = '00000000-0000-0000-0000-000000000000';

const refused = (code: string): Error => Object.assign(new Error(code), { code });

export class SocketClient implements StreamClient {
  readonly events: EventEnvelope[] = [];
  ended?: Ended;
  socket?: Socket;

  constructor(
    private readonly options: StreamOptions,
    private readonly transports = ['polling', 'websocket'],
    /** Whether it comes back by itself. */
    private readonly reconnection = false,
  ) {}

  get connected(): boolean {
    return this.socket?.connected ?? false;
  }

  async connect(baseUrl: string): Promise<void> {
    const socket = io(`${baseUrl}/realtime`, {
      transports: this.transports,
      forceNew: true,
      reconnection: this.reconnection,
      reconnectionDelay: 100,
      // Asked at every connect, so that each begins where the last one ended.
      auth: (give) => give({ ...this.options, after: this.events.at(-1)?.id ?? this.options.after }),
    });
    this.socket = socket;
    socket.on('event', (event: EventEnvelope) => {
      if (this.socket === socket) this.events.push(event);
    });
    socket.on('end', (ended: Ended) => (this.ended = ended));
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      // The connection may break before it is said whether we may come in; a refusal closes it first and is told right after that.
      socket.io.once('close', () => setImmediate(() => reject(refused('closed'))));
      socket.once('connect_error', (error: Error & { data?: { code: string } }) =>
        reject(refused(error.data?.code ?? error.message)),
      );
    });
  }

  drop(): void {
    this.socket?.disconnect();
    this.socket = undefined;
  }
}

export class SseClient implements StreamClient {
  readonly events: EventEnvelope[] = [];
  ended?: Ended;
  comments = 0;
  retry?: number;
  headers?: Headers;
  private connection?: AbortController;

  constructor(private readonly options: StreamOptions) {}

  get connected(): boolean {
    return this.connection !== undefined;
  }

  async connect(baseUrl: string): Promise<void> {
    const connection = new AbortController();
    this.connection = connection;
    const { token, after, types } = this.options;
    const query = new URLSearchParams({ ...(after ? { after } : {}), ...(types ? { types: types.join(',') } : {}) });
    const last = this.events.at(-1)?.id;
    try {
      const response = await fetch(`${baseUrl}/api/events/stream?${query.toString()}`, {
        headers: { authorization: `Bearer ${token}`, ...(last ? { 'last-event-id': last } : {}) },
        signal: connection.signal,
      });
      if (!response.ok) throw refused(((await response.json()) as { code: string }).code);
      this.headers = response.headers;
      void this.read(connection, response.body!).finally(() => {
        if (this.connection === connection) this.connection = undefined;
      });
    } catch (error) {
      this.connection = undefined;
      throw error;
    }
  }

  drop(): void {
    this.connection?.abort();
    this.connection = undefined;
  }

  private async read(connection: AbortController, body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let text = '';
    try {
      for await (const chunk of body) {
        if (this.connection !== connection) return;
        text += decoder.decode(chunk, { stream: true });
        const blocks = text.split('\n\n');
        text = blocks.pop()!;
        for (const block of blocks) this.take(block);
      }
    } catch {
      // Broken off, by one side or the other: what was whole has been taken.
    }
  }

  private take(block: string): void {
    const fields = new Map(
      block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
    );
    if (fields.has('')) this.comments += 1;
    if (fields.has('retry')) this.retry = Number(fields.get('retry'));
    const data = fields.get('data');
    if (data === undefined) return;
    if (fields.get('event') === 'end') this.ended = JSON.parse(data) as Ended;
    else {
      const event = JSON.parse(data) as EventEnvelope;
      if (fields.get('id') !== event.id) throw new Error(`the id is not that of the event: ${block}`);
      this.events.push(event);
    }
  }
}
