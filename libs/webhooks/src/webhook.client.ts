import { Injectable, type OnApplicationShutdown, Optional } from '@nestjs/common';
import { Settings } from '@soko/config';
import { Log } from '@soko/observability';
import { Agent } from 'undici';
import { AddressGuard, BlockedAddressError, type Refusal } from './address-guard.js';
import { type CallResult, WebhookCall } from './webhook.call.js';

export type { CallResult } from './webhook.call.js';

const CONNECT_MS = 5_000;
const TOTAL_MS = 15_000;
/** How exactly the total is kept. */
const TICK_MS = 100;
/** Many merchants may have the same partner: one of them whose calls hang must leave connections to the others. */
const CONNECTIONS_PER_ORIGIN = 256;
const TARGETS = 2_000;

interface Target {
  origin: string;
  path: string;
}

/** Calls merchants' URLs: public addresses only, no redirects, bounded in time and in what is read. */
@Injectable()
export class WebhookClient implements OnApplicationShutdown {
  private readonly agent: Agent;
  /** In the order in which they began, which is that in which their time runs out. */
  private calls: WebhookCall[] = [];
  private ticking?: NodeJS.Timeout;
  private readonly targets = new Map<string, Target>();

  constructor(
    settings: Settings,
    private readonly log: Log,
    @Optional()
    private readonly guard: AddressGuard = new AddressGuard(settings.WEBHOOK_ALLOWED_CIDRS, { httpsOnly: settings.production }),
  ) {
    this.agent = new Agent({
      connections: CONNECTIONS_PER_ORIGIN,
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
  post(url: string, headers: Record<string, string>, body: string): Promise<CallResult> {
    return new Promise((resolve) => {
      const call = new WebhookCall((result, error) => {
        if (error instanceof BlockedAddressError)
          this.log.warn({ url: new URL(url).host, address: error.address }, 'blocked webhook address');
        resolve(result);
      });
      try {
        const { origin, path } = this.target(url);
        this.agent.dispatch({ origin, path, method: 'POST', headers, body }, call);
        this.watch(call);
      } catch (error) {
        call.fail(error as Error);
      }
    });
  }

  onApplicationShutdown(): Promise<void> {
    clearInterval(this.ticking);
    return this.agent.destroy();
  }

  /** @throws what is wrong with the URL */
  private target(url: string): Target {
    const known = this.targets.get(url);
    if (known) return known;
    const { origin, pathname, search } = this.guard.check(url);
    if (this.targets.size >= TARGETS) this.targets.clear();
    const target = { origin, path: pathname + search };
    this.targets.set(url, target);
    return target;
  }

  private watch(call: WebhookCall): void {
    this.calls.push(call);
    this.ticking ??= setInterval(() => this.tick(), TICK_MS);
  }

  /** All calls have the same time, so those whose time is up are the first ones. */
  private tick(): void {
    const since = performance.now() - TOTAL_MS;
    for (const call of this.calls) {
      if (call.started > since) break;
      call.fail(new DOMException('no complete answer', 'TimeoutError'));
    }
    this.calls = this.calls.filter((call) => !call.ended);
    if (this.calls.length > 0) return;
    clearInterval(this.ticking);
    this.ticking = undefined;
  }
}
