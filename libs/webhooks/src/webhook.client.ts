import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Settings } from '@soko/config';
import { Log } from '@soko/observability';
import { Agent, buildConnector } from 'undici';
import { AddressGuard, BlockedAddressError } from './address-guard.js';

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
  private readonly guard: AddressGuard;
  private readonly agent: Agent;

  constructor(
    settings: Settings,
    private readonly log: Log,
  ) {
    this.guard = new AddressGuard(settings.WEBHOOK_ALLOWED_CIDRS);
    const connect = buildConnector({ lookup: this.guard.lookup, timeout: CONNECT_MS });
    this.agent = new Agent({
      connections: 32,
      headersTimeout: TOTAL_MS,
      bodyTimeout: TOTAL_MS,
      connect: (options, callback) =>
        connect(options, (error, socket) => {
          // A name may have changed its mind between the look-up and the connection.
          const address = socket?.remoteAddress;
          if (socket && (!address || !this.guard.permits(address))) {
            socket.destroy();
            return callback(new BlockedAddressError(address ?? 'unknown'), null);
          }
          if (error) return callback(error, null);
          callback(null, socket);
        }),
    });
  }

  resolves(url: string): Promise<boolean> {
    return this.guard.resolves(url);
  }

  /** One POST. Never throws: what went wrong is in the result. */
  async post(url: string, headers: Record<string, string>, body: string): Promise<CallResult> {
    const started = performance.now();
    const took = () => Math.round(performance.now() - started);
    try {
      const target = new URL(url);
      this.guard.checkHost(target.hostname);
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

function describe(error: unknown): string {
  if (error instanceof BlockedAddressError) return 'blocked address: the URL leads to an address that may not be called';
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
