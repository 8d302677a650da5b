import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type Tracked, TrackingLinkError, TrackingService } from '@soko/deliveries';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { gonePage, liveState, PAGE_POLICY, trackingPage } from './page.js';
import { languageFor } from './texts.js';

/** The address is a secret of the customer's: it is not kept, not passed on, and not found. */
const PRIVATE = { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'x-robots-tag': 'noindex, nofollow' };

/** Shows customers where their orders are. */
@Injectable()
export class TrackingPages {
  constructor(private readonly tracking: TrackingService) {}

  async page(token: string, { headers }: FastifyRequest, reply: FastifyReply): Promise<void> {
    const tracked = await this.find(token);
    const language = languageFor(headers['accept-language'], tracked?.locale);
    void reply.headers({ ...PRIVATE, 'content-security-policy': PAGE_POLICY, 'content-type': 'text/html; charset=utf-8' });
    await reply.status(tracked ? 200 : 404).send(tracked ? trackingPage(tracked, language) : gonePage(language));
  }

  /** 304 as long as it looks the same. @throws TrackingLinkError */
  async state(token: string, { headers }: FastifyRequest, reply: FastifyReply): Promise<void> {
    void reply.headers(PRIVATE);
    const tracked = await this.tracking.find(token);
    const body = JSON.stringify(liveState(tracked, languageFor(headers['accept-language'], tracked.locale)));
    const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
    void reply.headers({ etag, 'content-type': 'application/json; charset=utf-8' });
    if (headers['if-none-match'] === etag) await reply.status(304).send();
    else await reply.send(body);
  }

  private async find(token: string): Promise<Tracked | undefined> {
    try {
      return await this.tracking.find(token);
    } catch (error) {
      if (error instanceof TrackingLinkError) return undefined;
      throw error;
    }
  }
}
