import { Injectable } from '@nestjs/common';
import { BroadcastChoiceService, BroadcastPreviewService, BroadcastService, BroadcastsModule } from '@soko/broadcasts';
import { CatalogModule, ProductService, StockService } from '@soko/catalog';
import { newId } from '@soko/common';
import { type InboundContent, processInbound } from '@soko/contracts';
import { DeliveriesModule, DeliveryService } from '@soko/deliveries';
import { MerchantService, StaffPhoneService } from '@soko/identity';
import {
  AnswerQueue,
  ChannelService,
  ChatService,
  type ContactAddress,
  MessageStore,
  MessagingModule,
  NumberProofService,
} from '@soko/messaging';
import { FulfilmentService, OrderProcessor, OrderService, OrdersModule } from '@soko/orders';
import { PaymentProcessor, PaymentService, PaymentsModule } from '@soko/payments';
import { Handles } from '@soko/queues';
import { integration } from '@soko/testing';
import { AuthHandler } from './auth.handler.js';
import { BroadcastCommandService } from './broadcast-command.service.js';
import { BroadcastDataService } from './broadcast-data.service.js';
import { BotModule } from './bot.module.js';
import { BotService } from './bot.service.js';
import { CommandService } from './command.service.js';
import { ConversationStore } from './conversation.store.js';
import { CustomerDataService } from './customer-data.service.js';
import { CustomerHandler } from './customer.handler.js';
import { DriverCommandService } from './driver-command.service.js';
import { ShopCommandService } from './shop-command.service.js';
import { StaffCommandService } from './staff-command.service.js';
import { StaffDataService } from './staff-data.service.js';
import { StaffHandler } from './staff.handler.js';

/* A bot on a real database, for tests. */

export const PHONE = '+263771000001';
export const text = (body: string): InboundContent => ({ type: 'text', text: { body } });
export const tap = (id: string): InboundContent => ({ type: 'reply', reply: { id, title: id } });

/** Stands for the handler in libs/whatsapp: what serves a queue must handle all its jobs. */
@Injectable()
class NoDeliveries {
  @Handles(processInbound)
  async run(): Promise<void> {}
}

/** A shop that sells one thing. Answers are given by `answer`, or by the queues with `running`. */
export async function setupBot({ running = false } = {}) {
  const house = await integration({
    imports: [
      MessagingModule,
      CatalogModule,
      OrdersModule,
      DeliveriesModule,
      PaymentsModule,
      BroadcastsModule,
      ...(running ? [BotModule] : []),
    ],
    providers: running ? [OrderProcessor, PaymentProcessor, NoDeliveries] : [],
    serves: running ? ['inbound_processing', 'order_processing'] : [],
  });
  const { tenancy, module } = house;
  const merchantId = await house.shop();
  const [store, products] = [module.get(MessageStore), module.get(ProductService)];
  const channel = await module.get(ChannelService).create(merchantId, { name: 'Shop', kind: 'simulator' });
  const product = await products.create(merchantId, {
    sku: 'MAIZE',
    name: 'Maize meal',
    price: { amount: 1_250, currency: 'USD' },
    stock: 10,
  });
  const [unanswered, orders, merchants] = [module.get(AnswerQueue), module.get(OrderService), module.get(MerchantService)];
  const conversations = new ConversationStore();
  const [chats, phones, deliveries] = [module.get(ChatService), module.get(StaffPhoneService), module.get(DeliveryService)];
  const bot = new BotService(
    tenancy,
    unanswered,
    new AuthHandler(phones, module.get(NumberProofService), merchants, conversations, store, unanswered),
    new StaffHandler(
      conversations,
      new StaffDataService(
        merchants,
        products,
        orders,
        deliveries,
        new BroadcastDataService(module.get(BroadcastChoiceService), module.get(BroadcastPreviewService)),
      ),
      new StaffCommandService(
        new ShopCommandService(orders, module.get(StockService), merchants, chats, phones),
        new DriverCommandService(module.get(FulfilmentService), deliveries),
        new BroadcastCommandService(module.get(BroadcastService)),
      ),
      store,
      unanswered,
    ),
    new CustomerHandler(
      store,
      conversations,
      new CustomerDataService(merchants, products, orders, module.get(PaymentService)),
      new CommandService(orders, conversations, merchants, unanswered, chats),
    ),
  );
  const rows = <R extends object>(sql: string) => tenancy.run(merchantId, (tx) => tx.query<R>(sql));
  const receive = (content: InboundContent, from: ContactAddress = { phone: PHONE }) =>
    tenancy.run(merchantId, (tx) => store.receive(tx, channel.id, { waMessageId: newId(), from, name: 'Rudo', content }));
  const chatId = async () => (await rows<{ id: string }>('SELECT id FROM chats'))[0]!.id;
  return {
    ...house,
    merchantId,
    channel,
    product,
    products,
    rows,
    receive,
    chatId,
    answer: async () => bot.answerChat({ merchantId, chatId: await chatId() }),
    answerIn: (id: string) => bot.answerChat({ merchantId, chatId: id }),
    replies: async () =>
      (await rows<{ text: string }>(`SELECT text FROM messages WHERE direction = 'outbound' ORDER BY seq`)).map(
        (row) => row.text,
      ),
    inbound: async () =>
      (await rows<{ status: string }>(`SELECT status FROM messages WHERE direction = 'inbound' ORDER BY seq`)).map(
        (row) => row.status,
      ),
    state: async () => (await rows<{ state: object }>('SELECT state FROM conversations'))[0]?.state,
    conversations,
    makeDue: () => rows('UPDATE pending_answers SET due_at = now()'),
  };
}
