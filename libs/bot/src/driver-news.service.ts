import { Injectable } from '@nestjs/common';
import { type DeliveryAssignedData, deliveryAssigned, type EventEnvelope } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { MerchantService } from '@soko/identity';
import { ChatService, MessageStore } from '@soko/messaging';
import { Reacts } from '@soko/queues';
import { languageFor, speakerOf } from './language.js';
import * as say from './say.js';
import { STAFF_MESSAGES } from './staff-language.js';
import { tapOn } from './staff-words.js';

/** Tells drivers on WhatsApp what is theirs to bring; those who work over the api alone, or wrote long ago, see it there. */
@Injectable()
export class DriverNewsService {
  constructor(
    private readonly chats: ChatService,
    private readonly merchants: MerchantService,
    private readonly store: MessageStore,
  ) {}

  @Reacts(deliveryAssigned, 'bot.tell-driver')
  async run(tx: TenantTx, { data }: EventEnvelope<DeliveryAssignedData>): Promise<void> {
    const { orderNumber: number, customerName, driver } = data;
    const chat = driver?.id && (await this.chats.ofStaff(tx, driver.id));
    if (!chat) return;
    const { locale } = await this.merchants.shop(tx);
    const speak = speakerOf(STAFF_MESSAGES, languageFor(chat.language, locale), locale);
    const choices = [
      { id: tapOn('start', number), title: speak.say('startIt') },
      { id: tapOn('deliveries'), title: speak.say('myDeliveries') },
    ];
    const content = say.buttons(choices, [speak.say('given', { number }), customerName && say.clip(customerName, 100)]);
    await this.store.queue(tx, { to: { chatId: chat.id }, content });
  }
}
