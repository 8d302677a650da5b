import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { BlockedAddressError, type Refusal } from './address-guard.js';

const BODY_LIMIT = 16 * 1024;

export type ErrorClass = 'blocked' | 'timeout' | 'dns' | 'connection' | 'tls' | 'protocol' | 'other';

export interface CallResult {
  status?: number;
  body?: string;
  /** As the receiver wrote it. */
  retryAfter?: string;
  /** For the merchant to read; never holds an address of ours. */
  error?: string;
  errorClass?: ErrorClass;
  durationMs: number;
}

/**
 * One request, as undici tells of it. By its handlers and not by `request()`: that makes a stream, an abort signal and a timer for each call,
 * which together cost more than the call.
 */
export class WebhookCall implements Dispatcher.DispatchHandler {
  readonly started = performance.now();
  ended = false;
  private controller?: Dispatcher.DispatchController;
  private status?: number;
  private retryAfter?: string;
  private chunks: Buffer[] = [];
  private size = 0;

  constructor(private readonly done: (result: CallResult, error?: Error) => void) {}

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    // It waited for a connection, and its time is up.
    if (this.ended) controller.abort(new Error('too late'));
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // 1xx: the answer is still to come.
    if (status < 200) return;
    this.status = status;
    this.retryAfter = headers['retry-after'];
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.ended) return;
    this.chunks.push(chunk);
    this.size += chunk.length;
    if (this.size < BODY_LIMIT) return;
    this.answered();
    controller.abort(new Error('enough was read'));
  }

  onResponseEnd(): void {
    this.answered();
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error): void {
    this.fail(error);
  }

  /** Ends it where it is. */
  fail(error: Error): void {
    if (this.ended) return;
    this.end(describe(error), error);
    this.controller?.abort(error);
  }

  private answered(): void {
    if (this.ended) return;
    const { status, retryAfter } = this;
    this.end({ status, body: this.text(), ...(retryAfter === undefined ? {} : { retryAfter }) });
  }

  private end(result: Omit<CallResult, 'durationMs'>, error?: Error): void {
    this.ended = true;
    this.done({ ...result, durationMs: Math.round(performance.now() - this.started) }, error);
  }

  private text(): string {
    if (this.size === 0) return '';
    const bytes = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks);
    // As a stream: a character that the limit cuts in half is left out.
    return new TextDecoder().decode(bytes.subarray(0, BODY_LIMIT), { stream: true }).replaceAll('\0', '');
  }
}

const REFUSED: Record<Refusal, string> = {
  address: 'blocked address: the URL leads to an address that may not be called',
  https: 'blocked address: the URL must be https',
  port: 'blocked address: the port of the URL is not one for webhooks',
  credentials: 'blocked address: the URL must hold no user and no password',
  url: 'blocked address: the URL must be http or https',
};

/** What a merchant is told of an error. */
export function describe(error: Error): { error: string; errorClass: ErrorClass } {
  if (error instanceof BlockedAddressError) return { error: REFUSED[error.refusal], errorClass: 'blocked' };
  const { code = '', name } = error as { code?: string; name?: string };
  if (name === 'TimeoutError' || code.includes('TIMEOUT') || code === 'ETIMEDOUT')
    return { error: 'timeout: no complete answer within 15 s', errorClass: 'timeout' };
  const known: Record<string, [string, ErrorClass]> = {
    ECONNREFUSED: ['connection refused', 'connection'],
    ECONNRESET: ['connection reset', 'connection'],
    EPIPE: ['connection reset', 'connection'],
    ENOTFOUND: ['the host name does not resolve', 'dns'],
    EAI_AGAIN: ['the host name does not resolve', 'dns'],
    UND_ERR_SOCKET: ['the connection was closed before an answer came', 'connection'],
  };
  const [text, errorClass] = known[code] ?? ['the call failed', classOf(code)];
  return { error: text, errorClass };
}

function classOf(code: string): ErrorClass {
  if (/^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO)/.test(code)) return 'tls';
  if (/^HPE_|^UND_ERR_(RES|HEADERS|HTTP)/.test(code)) return 'protocol';
  return /^E(HOST|NET)|^ECONN/.test(code) ? 'connection' : 'other';
}
