import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Settings } from '@soko/config';
import { Listener } from '@soko/database';
import { Log } from '@soko/observability';
import { Drain, type DrainTools } from './drain.js';
import { DrainStore } from './drain-store.js';
import { Endpoints } from './endpoint.js';
import { EventFeed } from './event-feed.js';
import { Settler } from './settler.js';
import { WebhookClient } from './webhook.client.js';

/** Subscriptions that one process works on at once. */
const MOST = 1_000;
/** Calls that are under way when the process stops get so long. */
const LAST_MS = 5_000;

/** What a drain works with. */
@Injectable()
export class DrainToolbox implements DrainTools {
  constructor(
    readonly store: DrainStore,
    readonly feed: EventFeed,
    readonly client: WebhookClient,
    readonly settler: Settler,
    readonly endpoints: Endpoints,
    readonly log: Log,
  ) {}
}

/**
 * The subscriptions that this process works on. They run beside the jobs that rang for them: one that hangs for seconds takes no place in the
 * queue, and its lease is in its row, not in a job.
 */
@Injectable()
export class Drains implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly running = new Map<string, { drain: Drain; ended: Promise<void> }>();
  private readonly listener: Listener;
  private stopping = false;

  constructor(
    private readonly tools: DrainToolbox,
    settings: Settings,
  ) {
    this.listener = new Listener(
      settings,
      'soko_webhooks',
      (payload) => this.heard(payload),
      (error) => tools.log.warn({ err: error }, 'webhooks: listening again'),
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.listener.start();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping = true;
    await this.listener.stop();
    const drains = [...this.running.values()];
    for (const { drain } of drains) drain.stop();
    const all = Promise.all(drains.map(({ ended }) => ended));
    await Promise.race([all, pause(LAST_MS, undefined, { ref: false })]);
    for (const { drain } of drains) drain.abandon();
    await Promise.race([all, pause(LAST_MS, undefined, { ref: false })]);
  }

  /** An alarm: takes the subscription, unless somebody has it, and returns. What it does is in its rows. */
  async take(merchantId: string, webhookId: string): Promise<void> {
    const mine = this.running.get(webhookId);
    if (mine && !mine.drain.over) return mine.drain.poke(true);
    if (this.running.size >= MOST) await this.makeRoom();
    if (this.stopping) return;
    const claimedAt = performance.now();
    const claim = await this.tools.store.claim(merchantId, webhookId);
    if (!claim) return this.tools.store.notClaimed(merchantId, webhookId);
    const drain = new Drain(merchantId, webhookId, claim.endpoint, claim.progress, claimedAt, this.tools);
    const ended = drain.run().finally(() => {
      if (this.running.get(webhookId)?.drain === drain) this.running.delete(webhookId);
    });
    this.running.set(webhookId, { drain, ended });
    if (this.stopping) drain.stop();
  }

  /** Ids with spaces between them; `!` behind one says that it is not only about events. Nothing: something may have been missed. */
  private heard(payload: string): void {
    if (payload === '') for (const { drain } of this.running.values()) drain.poke(true);
    for (const word of payload.split(' ')) {
      const look = word.endsWith('!');
      this.running.get(look ? word.slice(0, -1) : word)?.drain.poke(look);
    }
  }

  private async makeRoom(): Promise<void> {
    const all = [...this.running.values()];
    for (const { drain } of all) drain.hurry();
    await Promise.race(all.map(({ ended }) => ended));
  }
}
