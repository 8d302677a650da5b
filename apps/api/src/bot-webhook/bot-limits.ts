import { Injectable } from '@nestjs/common';
import { Settings } from '@soko/config';
import { type LimitsView, MerchantService } from '@soko/identity';
import { Limiter } from '@soko/limits';
import type { FastifyReply } from 'fastify';
import { tell } from '../rate-limit.guard.js';

/** Counts the calls of merchants' own systems among those that they make by REST: what the plan allows, they share. */
@Injectable()
export class BotLimits {
  constructor(
    private readonly merchants: MerchantService,
    private readonly limiter: Limiter,
    private readonly settings: Settings,
  ) {}

  /** @throws TooManyRequestsError */
  count(merchantId: string, reply: FastifyReply): Promise<void> {
    return this.hit('api', merchantId, reply);
  }

  /** @throws TooManyRequestsError */
  countMessage(merchantId: string, reply: FastifyReply): Promise<void> {
    return this.hit('messages', merchantId, reply);
  }

  private async hit(name: keyof LimitsView, merchantId: string, reply: FastifyReply): Promise<void> {
    if (!this.settings.RATE_LIMIT_ENABLED) return;
    const { requests, windowSeconds } = (await this.merchants.profile(merchantId)).limits[name];
    tell(reply, name, requests, await this.limiter.hit(`${name}:${merchantId}`, requests, windowSeconds));
  }
}
