import { Injectable } from '@nestjs/common';
import { ProductService } from '@soko/catalog';
import { ValidationError, workContext } from '@soko/common';
import { answerChat, type AnswerChatJob, type OutboundContent } from '@soko/contracts';
import { Tenancy, type TenantTx } from '@soko/database';
import { MerchantService } from '@soko/identity';
import { AnswerQueue, MessageStore, type Unanswered } from '@soko/messaging';
import { OrderService } from '@soko/orders';
import { Handles } from '@soko/queues';
import { answer, type ConversationState, IDLE, type MerchantData, type OrderCommand } from './conversation.js';
import * as say from './texts.js';

/** Answers customers: one chat's messages one after the other, each in one transaction with all that follows from it. */
@Injectable()
export class BotService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly unanswered: AnswerQueue,
    private readonly store: MessageStore,
    private readonly products: ProductService,
    private readonly orders: OrderService,
    private readonly merchants: MerchantService,
  ) {}

  /** Works off what the chat's customer wrote, oldest first, until nothing is due. */
  @Handles(answerChat)
  async answerChat({ merchantId, chatId }: AnswerChatJob): Promise<void> {
    workContext.actAs({ type: 'bot' });
    let message: Unanswered | undefined;
    do {
      message = undefined;
      try {
        await this.tenancy.run(merchantId, async (tx) => {
          message = await this.unanswered.next(tx, chatId);
          if (message) await this.answer(tx, message);
        });
      } catch (error) {
        if (message) await this.unanswered.recordFailure(message);
        throw error;
      }
    } while (message);
  }

  private async answer(tx: TenantTx, message: Unanswered): Promise<void> {
    const next = answer(await this.state(tx, message.chatId), message.content, await this.data(tx, message), message.consent);
    const replies = next.order ? [...next.replies, await this.place(tx, message, next.order)] : next.replies;
    for (const [n, content] of replies.entries()) {
      // With the first reply ends what was offered before.
      await this.store.queue(tx, { to: { chatId: message.chatId }, content, answers: n === 0 });
    }
    await tx.query(
      `INSERT INTO conversations (merchant_id, chat_id, state) VALUES ($1, $2, $3)
       ON CONFLICT (merchant_id, chat_id) DO UPDATE SET state = excluded.state, updated_at = now()`,
      [tx.merchantId, message.chatId, JSON.stringify(next.state)],
    );
    await this.unanswered.done(tx, message, { phone: next.phone, optedOut: next.optedOut });
  }

  private async place(tx: TenantTx, message: Unanswered, order: OrderCommand): Promise<OutboundContent> {
    try {
      const body = {
        // `answer` confirms no order before there is a number.
        customer: { phone: message.phone!, ...(message.name ? { name: message.name } : {}) },
        items: [{ productId: order.productId, quantity: order.quantity }],
        delivery: order.delivery,
        channelId: message.channelId,
      };
      const { number } = await this.orders.place(tx, body, 'bot', message.chatId);
      return say.placed(number);
    } catch (error) {
      // The product left the shop, or its price rose beyond reason, between the question and the answer.
      if (error instanceof ValidationError) return say.soldOut();
      throw error;
    }
  }

  /** A conversation that rested for a day starts anew. */
  private async state(tx: TenantTx, chatId: string): Promise<ConversationState> {
    const [row] = await tx.query<{ state: ConversationState }>(
      `SELECT state FROM conversations WHERE merchant_id = $1 AND chat_id = $2 AND updated_at > now() - interval '24 hours'`,
      [tx.merchantId, chatId],
    );
    return row?.state ?? IDLE;
  }

  private async data(tx: TenantTx, { phone }: Unanswered): Promise<MerchantData> {
    const { name, locale } = await this.merchants.get(tx);
    return { name, locale, products: await this.products.offered(tx), ...(phone ? {} : { phoneMissing: true }) };
  }
}
