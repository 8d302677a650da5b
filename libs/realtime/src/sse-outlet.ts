import type { ServerResponse } from 'node:http';
import type { HistoryEvent } from './event-history.js';
import type { EventStream, Outlet } from './event-stream.js';
import { type Ending, ENDINGS } from './realtime.errors.js';

/** What clients wait before they connect again, in ms. */
const RETRY_MS = 1_000;
/** A client that does not read gets so long to take its last words. */
export const LAST_WORDS_MS = 2_000;

export const SSE_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  // Proxies of the kind of nginx would keep events until there are many.
  'x-accel-buffering': 'no',
  // Nothing can follow on a connection whose answer has no end.
  connection: 'close',
};

/** A stream as Server-Sent Events, on a response whose head is written. */
export class SseOutlet implements Outlet {
  private constructor(
    private readonly response: ServerResponse,
    private readonly bufferBytes: number,
  ) {}

  /** @param bufferBytes what may lie here for a client that does not read */
  static open(stream: EventStream, response: ServerResponse, bufferBytes: number): void {
    response.on('drain', () => stream.resume());
    response.on('close', () => stream.close());
    response.on('error', () => stream.close());
    response.write(`retry: ${RETRY_MS}\n\n`);
    stream.start(new SseOutlet(response, bufferBytes));
    if (response.destroyed) stream.close();
  }

  send(event: HistoryEvent): boolean {
    // JSON has no line breaks, so it is one line of data.
    this.response.write(`id: ${event.id}\ndata: ${event.text}\n\n`);
    return this.response.writableLength < this.bufferBytes;
  }

  beat(): void {
    this.response.write(': alive\n\n');
  }

  end(ending: Ending): void {
    this.response.end(`event: end\ndata: ${JSON.stringify({ code: ending, detail: ENDINGS[ending] })}\n\n`);
    const late = setTimeout(() => this.response.destroy(), LAST_WORDS_MS);
    this.response.once('close', () => clearTimeout(late));
  }
}
