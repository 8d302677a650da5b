import { Injectable } from '@nestjs/common';
import { validateInput } from '@soko/common';
import type { FastifyReply } from 'fastify';
import { tooDeep } from '../http/server.js';
import { OncePerKey } from '../once-per-key.js';
import { type BotAnswerView, BotCallBody } from './bot-webhook.dto.js';
import { BotLimits } from './bot-limits.js';
import { BotWebhookService } from './bot-webhook.service.js';
import type { BotCall } from './bot.verifier.js';

const PATH = '/webhooks/bot';

/** Takes calls in: counts each, and does what it asks for once, however often it comes. */
@Injectable()
export class BotIntake {
  constructor(
    private readonly bot: BotWebhookService,
    private readonly limits: BotLimits,
    private readonly once: OncePerKey,
  ) {}

  /** @throws TooManyRequestsError, ValidationError, and what the work throws; Answered when the call was answered before */
  async receive({ merchantId, id, raw, body: sent }: BotCall, reply: FastifyReply): Promise<BotAnswerView> {
    await this.limits.count(merchantId, reply);
    const deep = tooDeep(sent);
    if (deep) throw deep;
    const body = validateInput(BotCallBody, sent);
    if (body.event_type === 'message.send') await this.limits.countMessage(merchantId, reply);
    const request = { merchantId, scope: ['inbound', 'POST', PATH, id], print: [raw.toString('base64')], url: PATH };
    const answer = this.once.perform(request, reply, async () => ({
      id,
      eventType: body.event_type,
      result: await this.bot.run(body),
    }));
    return answer as Promise<BotAnswerView>;
  }
}
