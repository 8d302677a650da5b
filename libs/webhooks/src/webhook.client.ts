import { Injectable, type OnApplicationShutdown, Optional } from '@nestjs/common';
import { Settings } from '@soko/config';
import { Log } from '@soko/observability';
import { Agent } from 'undici';
import { AddressGuard, BlockedAddressError, type Refusal } from './address-guard.js';

const CONNECT_MS = 5_000;
const TOTAL_MS = 15_000;
const BODY_LIMIT = 16 * 1024;

export interface CallResult {
  status?: number;
  body?: string;
  /** For the merchant to read; never holds an address of ours. */
  error?: string;
  durationMs: number;
}

/** Calls merchants' URLs: public addresses only, no redirects, bounded in time and in what is read. */
@Injectable()
export class WebhookClient implements OnApplicationShutdown {
  private readonly agent: Agent;

  constructor(
    settings: Settings,
    private readonly log: Log,
    @Optional()
    private readonly guard: AddressGuard = new AddressGuard(settings.WEBHOOK_ALLOWED_CIDRS, { httpsOnly: settings.production }),
  ) {
    this.agent = new Agent({
      connections: 32,
      headersTimeout: TOTAL_MS,
      bodyTimeout: TOTAL_MS,
      connect: guard.connector(CONNECT_MS),
    });
  }

  /** Why the URL may not be called, as far as can be told now. */
  refusalOf(url: string): Promise<Refusal | undefined> {
    return this.guard.refusalOf(url);
  }

  /** One POST. Never throws: what went wrong is in the result. */
  async post(url: string, headers: Record<string, string>, body: string): Promise<CallResult> {
    const started = performance.now();
    const took = () => Math.round(performance.now() - started);
    try {
      const target = this.guard.check(url);
      const response = await this.agent.request({
        origin: target.origin,
        path: target.pathname + target.search,
        method: 'POST',
        headers,
        body,
        signal: AbortSignal.timeout(TOTAL_MS),
      });
      return { status: response.statusCode, body: await readSome(response.body), durationMs: took() };
    } catch (error) {
      if (error instanceof BlockedAddressError)
        this.log.warn({ url: new URL(url).host, address: error.address }, 'blocked webhook address');
      return { error: describe(error), durationMs: took() };
    }
  }

  onApplicationShutdown(): Promise<void> {
    return this.agent.destroy();
  }
}

/** The first bytes of an answer; the rest is not read. */
async function readSome(stream: AsyncIterable<Buffer> & { destroy: () => unknown }): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= BODY_LIMIT) break;
  }
  // As a stream: a character that the limit cuts in half is left out.
  return new TextDecoder().decode(Buffer.concat(chunks).subarray(0, BODY_LIMIT), { stream: true }).replaceAll('\0', '');
}

const REFUSED: Record<Refusal, string> = {
  address: 'blocked address: the URL leads to an address that may not be called',
  https: 'blocked address: the URL must be https',
  port: 'blocked address: the port of the URL is not one for webhooks',
  credentials: 'blocked address: the URL must hold no user and no password',
  url: 'blocked address: the URL must be http or https',
};

function describe(error: unknown): string {
  if (error instanceof BlockedAddressError) return REFUSED[error.refusal];
  const { code, name } = error as { code?: string; name?: string };
  if (name === 'TimeoutError' || code?.includes('TIMEOUT')) return 'timeout: no complete answer within 15 s';
  const known: Record<string, string> = {
    ECONNREFUSED: 'connection refused',
    ECONNRESET: 'connection reset',
    ENOTFOUND: 'the host name does not resolve',
    UND_ERR_SOCKET: 'the connection was closed before an answer came',
  };
  return known[code ?? ''] ?? 'the call failed';
}
