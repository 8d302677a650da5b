import type { Operation } from './faults.js';

export interface LoggedRequest {
  method: string;
  /** With its query. */
  path: string;
  operation: Operation;
  /** Empty for uploads, which may be large. */
  body: string;
  authorization?: string;
  /** Milliseconds. */
  at: number;
  /** HTTP status, or what happened in its place. */
  outcome: number | 'hung' | 'dropped';
  /** Meta's code, of a refused one. */
  code?: number;
}

const KEPT = 1_000;

/** What a number was asked: counts of all, and the latest as they came. */
export class RequestLog {
  total = 0;
  readonly by: Record<Operation, number> = { message: 0, mark: 0, media: 0, templates: 0, info: 0 };
  /** How often each of Meta's codes was answered. */
  readonly codes: Record<number, number> = {};
  /** Requests that got no answer, though they may have been done. */
  unanswered = 0;
  #ring: LoggedRequest[] = [];
  #next = 0;

  add(request: LoggedRequest): void {
    this.total += 1;
    this.by[request.operation] += 1;
    if (request.code !== undefined) this.codes[request.code] = (this.codes[request.code] ?? 0) + 1;
    if (typeof request.outcome === 'string') this.unanswered += 1;
    this.#ring[this.#next] = request;
    this.#next = (this.#next + 1) % KEPT;
  }

  /** The latest 1,000, oldest first. */
  get latest(): LoggedRequest[] {
    return [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)];
  }
}
