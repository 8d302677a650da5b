import { channel } from 'node:diagnostics_channel';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';

const WEBHOOK_ATTEMPTS = channel('soko.webhook-attempt');
/** Seconds, from what a cached read takes to what a person gives up at. */
const DURATIONS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export type WebhookOutcome = 'delivered' | 'failed';

/** Tells whoever counts in this process that a partner was called. */
export const noteWebhookAttempt = (outcome: WebhookOutcome): void => WEBHOOK_ATTEMPTS.publish(outcome);

/** What this process tells Prometheus. Nothing is told by merchant: there may be as many as there like to be. */
@Injectable()
export class Metrics implements OnApplicationShutdown {
  readonly registry = new Registry();
  private readonly http: Histogram;
  private readonly attempts: Counter;
  private readonly count = (outcome: unknown): void => this.attempts.inc({ outcome: outcome as WebhookOutcome });

  constructor(app: string) {
    const registers = [this.registry];
    this.registry.setDefaultLabels({ app });
    this.http = new Histogram({
      name: 'soko_http_request_duration_seconds',
      help: 'Requests answered, by method, route and the first figure of the status.',
      labelNames: ['method', 'route', 'status'],
      buckets: DURATIONS,
      registers,
    });
    this.attempts = new Counter({
      name: 'soko_webhook_attempts_total',
      help: 'Calls to partners, by outcome.',
      labelNames: ['outcome'],
      registers,
    });
    for (const outcome of ['delivered', 'failed']) this.attempts.inc({ outcome }, 0);
    WEBHOOK_ATTEMPTS.subscribe(this.count);
  }

  /** Watches the process itself, too: memory, processor, garbage, how late its event loop is. For processes that are scraped. */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.registry });
  }

  /** @param route as it is declared: paths with ids in them would be without end. */
  answered(method: string, route: string | undefined, status: number, ms: number): void {
    this.http.observe({ method, route: route ?? 'none', status: `${Math.floor(status / 100)}xx` }, ms / 1000);
  }

  onApplicationShutdown(): void {
    WEBHOOK_ATTEMPTS.unsubscribe(this.count);
    this.registry.clear();
  }
}
