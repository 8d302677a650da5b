import { Injectable } from '@nestjs/common';
import { AppError } from '@soko/common';
import { StockReservedError, StockService } from '@soko/catalog';
import type { OutboundContent } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { MerchantService, StaffPhoneService } from '@soko/identity';
import { ChatService, type Unanswered } from '@soko/messaging';
import { OrderService } from '@soko/orders';
import * as say from './say.js';
import { orderCard } from './staff-orders.js';
import { unitsOf } from './staff-stock.js';
import type { StaffCommand, StaffSpeaker } from './staff-turn.js';

type Of<D extends StaffCommand['do']> = Extract<StaffCommand, { do: D }>;

/** Does what owners and agents want besides words, in the answer's own transaction. Each call gives what they are told of it. */
@Injectable()
export class ShopCommandService {
  constructor(
    private readonly orders: OrderService,
    private readonly stock: StockService,
    private readonly merchants: MerchantService,
    private readonly chats: ChatService,
    private readonly phones: StaffPhoneService,
  ) {}

  async moveOrder(
    tx: TenantTx,
    { id, action, reason }: Of<'move-order'>,
    by: string,
    speak: StaffSpeaker,
  ): Promise<OutboundContent> {
    return orderCard(speak, await this.orders.act(tx, id, action, by, reason));
  }

  async adjustStock(tx: TenantTx, command: Of<'adjust-stock'>, speak: StaffSpeaker): Promise<OutboundContent> {
    const { productId, name, delta, reason } = command;
    try {
      const { stock, reserved } = await tx.attempt(() => this.stock.adjust(tx, productId, { delta, reason }));
      const change = unitsOf(speak, { stock, available: stock - reserved });
      return say.text(speak.say('stockChanged', { product: say.clip(name, 200), change }));
    } catch (error) {
      if (error instanceof StockReservedError) return say.text(speak.say('notThatMuch'));
      throw error;
    }
  }

  async pauseShop(tx: TenantTx, { paused }: Of<'pause-shop'>): Promise<void> {
    await this.merchants.update(tx, { botPaused: paused });
  }

  /** Every chat with the customer but the one in which that is said. */
  async pauseChat(
    tx: TenantTx,
    { phone, paused }: Of<'pause-chat'>,
    { chatId: here, staff }: Unanswered,
    speak: StaffSpeaker,
  ): Promise<OutboundContent> {
    const { handoverMinutes: minutes } = await this.merchants.shop(tx);
    const chats = (await this.chats.ofPhone(tx, phone)).filter((id) => id !== here);
    for (const id of chats) {
      if (paused) await this.chats.pause(tx, id, { minutes, by: staff!.id });
      else await this.chats.release(tx, id);
    }
    return say.text(speak.say(chats.length === 0 ? 'noChat' : paused ? 'chatPaused' : 'chatResumed', { phone }));
  }

  unlink(tx: TenantTx, { contactId }: Unanswered): Promise<void> {
    return this.phones.forget(tx, contactId);
  }
}

/** What somebody of the team is told of an error that is not foreseen where it is made. */
export const told = (error: AppError, speak: StaffSpeaker): OutboundContent =>
  say.text(speak.say('failed', { reason: error.detail }));
