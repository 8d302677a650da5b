import { Injectable } from '@nestjs/common';
import { ProductService } from '@soko/catalog';
import { workContext } from '@soko/common';
import { remindOfCart, type RemindOfCartJob } from '@soko/contracts';
import { Tenancy } from '@soko/database';
import { MerchantService } from '@soko/identity';
import { AnswerQueue, ContactBlockedError, MessageStore, OptedOutError } from '@soko/messaging';
import { Handles } from '@soko/queues';
import { reminder } from './basket.js';
import { ConversationStore } from './conversation.store.js';
import { LANGUAGES, speaker, spokenFor } from './language.js';

/** Reminds customers of carts that they have left, where the merchant wants that: once, and never who wants no offers. */
@Injectable()
export class CartReminderService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly conversations: ConversationStore,
    private readonly merchants: MerchantService,
    private readonly products: ProductService,
    private readonly store: MessageStore,
    private readonly unanswered: AnswerQueue,
  ) {}

  @Handles(remindOfCart)
  async remind({ merchantId, chatId }: RemindOfCartJob): Promise<void> {
    workContext.actAs({ type: 'bot' });
    await this.tenancy.run(merchantId, async (tx) => {
      // The chat first, as everybody does: what the customer writes just now comes before or after all of this.
      await this.unanswered.hold(tx, chatId);
      const cart = await this.conversations.takeReminder(tx, chatId);
      if (!cart) return;
      const { locale } = await this.merchants.shop(tx);
      const language = LANGUAGES.find((code) => code === cart.language) ?? spokenFor(locale);
      const content = reminder(speaker(language, locale), cart.lines, await this.products.offered(tx));
      if (!content) return;
      try {
        await this.store.queue(tx, { to: { chatId }, content, category: 'marketing' });
      } catch (error) {
        if (!(error instanceof OptedOutError || error instanceof ContactBlockedError)) throw error;
      }
    });
  }
}
