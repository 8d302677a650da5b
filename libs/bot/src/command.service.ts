import { Injectable } from '@nestjs/common';
import { ValidationError } from '@soko/common';
import type { OutboundContent } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { MerchantService } from '@soko/identity';
import { AnswerQueue, ChatService, type Unanswered } from '@soko/messaging';
import { OrderService } from '@soko/orders';
import { ConversationStore } from './conversation.store.js';
import { type Language, speaker } from './language.js';
import * as say from './say.js';
import type { Answer, Command } from './turn.js';

/** A customer who asked for a person and has got none is served by the bot again after a day, unless the merchant has set another time. */
const HANDOVER_MINUTES = 24 * 60;

/** Does what an answer says besides words, in the answer's own transaction. */
@Injectable()
export class CommandService {
  constructor(
    private readonly orders: OrderService,
    private readonly conversations: ConversationStore,
    private readonly merchants: MerchantService,
    private readonly unanswered: AnswerQueue,
    private readonly chats: ChatService,
  ) {}

  /** What changes the cart or makes an order of it. @returns what the customer is told of it. */
  async trade(tx: TenantTx, message: Unanswered, { commands, language }: Answer): Promise<OutboundContent[]> {
    const replies: OutboundContent[] = [];
    for (const command of commands) {
      if (command.do === 'keep-cart') {
        const { cartReminderHours } = await this.merchants.shop(tx);
        await this.conversations.keepCart(tx, message.chatId, command.lines, cartReminderHours);
      }
      if (command.do === 'place-order') replies.push(await this.place(tx, message, command, language));
    }
    return replies;
  }

  /** The message is answered, and all else has been done that follows from it. */
  async finish(tx: TenantTx, message: Unanswered, { commands }: Answer): Promise<void> {
    const of = <D extends Command['do']>(what: D) =>
      commands.find((command): command is Extract<Command, { do: D }> => command.do === what);
    await this.unanswered.done(tx, message, {
      phone: of('note-phone')?.phone,
      optedOut: of('opt-out') && true,
      spoken: of('speak')?.spoken,
    });
    // Last: what waits behind this message is the person's from here on.
    if (of('hand-over')) {
      const { handoverMinutes = HANDOVER_MINUTES } = await this.merchants.shop(tx);
      await this.chats.pause(tx, message.chatId, { minutes: handoverMinutes });
    }
  }

  private async place(
    tx: TenantTx,
    message: Unanswered,
    { items, delivery, payment }: Extract<Command, { do: 'place-order' }>,
    language: Language,
  ): Promise<OutboundContent> {
    const { locale } = await this.merchants.shop(tx);
    const speak = speaker(language, locale);
    try {
      const body = {
        // `answer` confirms no order before there is a number.
        customer: { phone: message.phone!, ...(message.name ? { name: message.name } : {}) },
        items,
        delivery,
        paymentMethod: payment,
        channelId: message.channelId,
      };
      const { number } = await this.orders.place(tx, body, 'bot', message.chatId);
      await this.conversations.dropCart(tx, message.chatId);
      return say.text(speak.say('placed', { number }));
    } catch (error) {
      // A product left the shop, or its price rose beyond reason, between the question and the answer.
      if (error instanceof ValidationError) return say.text(speak.say('unsold'));
      throw error;
    }
  }
}
