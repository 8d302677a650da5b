import { Injectable } from '@nestjs/common';
import { type EventEnvelope, numberClaimed, type NumberData, numberProven } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { MerchantService } from '@soko/identity';
import { MessageStore, NumberProofService } from '@soko/messaging';
import { Reacts } from '@soko/queues';
import { languageFor, speaker } from './language.js';
import * as say from './say.js';

/** Sends the code to the number that somebody says is theirs, and makes one contact of two when it has come back. */
@Injectable()
export class NumberProofReactions {
  constructor(
    private readonly proofs: NumberProofService,
    private readonly merchants: MerchantService,
    private readonly store: MessageStore,
  ) {}

  @Reacts(numberClaimed, 'bot.send-number-code')
  async sendCode(tx: TenantTx, { data }: EventEnvelope<NumberData>): Promise<void> {
    const made = await this.proofs.makeCode(tx, data);
    if (!made) return;
    const { locale } = await this.merchants.shop(tx);
    const speak = speaker(languageFor(made.language, locale), locale);
    const content = say.text(speak.say('numberCode', { code: made.code }));
    await this.store.queue(tx, { to: { chatId: made.chatId }, content, category: 'authentication', secret: made.code });
  }

  @Reacts(numberProven, 'bot.settle-number')
  settle(tx: TenantTx, { data }: EventEnvelope<NumberData>): Promise<void> {
    return this.proofs.settle(tx, data);
  }
}
