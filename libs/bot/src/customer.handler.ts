import { Injectable } from '@nestjs/common';
import type { TenantTx } from '@soko/database';
import { MessageStore, type Unanswered } from '@soko/messaging';
import { CommandService } from './command.service.js';
import { ConversationStore } from './conversation.store.js';
import { CustomerDataService } from './customer-data.service.js';
import { answer } from './customer.js';
import { dayOf } from './opening-hours.js';

/** Answers customers. */
@Injectable()
export class CustomerHandler {
  constructor(
    private readonly store: MessageStore,
    private readonly conversations: ConversationStore,
    private readonly customers: CustomerDataService,
    private readonly commands: CommandService,
  ) {}

  async answer(tx: TenantTx, message: Unanswered): Promise<void> {
    const { chatId } = message;
    const remembered = await this.conversations.recall(tx, chatId);
    const data = await this.customers.of(tx, message, remembered);
    const given = answer(remembered.state, message.content, data, message.consent);
    const replies = [...given.replies, ...(await this.commands.trade(tx, message, given))];
    await this.store.answer(tx, chatId, replies);
    this.conversations.keepState(tx, chatId, given.state, data.away && dayOf(data.timezone, new Date()));
    await this.commands.finish(tx, message, given);
  }
}
