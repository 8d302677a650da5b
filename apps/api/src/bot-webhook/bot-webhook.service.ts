import { Injectable } from '@nestjs/common';
import { ProductService, StockService } from '@soko/catalog';
import { validateInput, ValidationError, workContext } from '@soko/common';
import { Tenancy } from '@soko/database';
import { ContactService, SendMessageBody } from '@soko/messaging';
import { OrderService } from '@soko/orders';
import { SendService } from '../send.service.js';
import {
  type BotCallBody,
  type BotEventType,
  ContactUpdatePayload,
  OrderTransitionPayload,
  StockAdjustPayload,
} from './bot-webhook.dto.js';

/** Who has done it, in the history of orders. */
const ACTOR = 'inbound_webhook';

/** Does what merchants' own systems tell: each type is a call that REST has too. */
@Injectable()
export class BotWebhookService {
  private readonly work: Record<BotEventType, (merchantId: string, payload: object) => Promise<object>> = {
    'message.send': (merchantId, payload) => this.sender.send(merchantId, read(SendMessageBody, payload)),
    'order.transition': (merchantId, payload) => {
      const { orderId, action, reason } = read(OrderTransitionPayload, payload);
      return this.orders.act(merchantId, orderId, action, ACTOR, reason);
    },
    'stock.adjust': (merchantId, payload) => {
      const { sku, delta, reason } = read(StockAdjustPayload, payload);
      return this.tenancy.run(merchantId, async (tx) =>
        this.stock.adjust(tx, await this.products.idOf(tx, sku), { delta, reason }),
      );
    },
    'contact.update': (merchantId, payload) => {
      const { phone, ...changes } = read(ContactUpdatePayload, payload);
      return this.contacts.updateAt(merchantId, phone, changes);
    },
  };

  constructor(
    private readonly tenancy: Tenancy,
    private readonly sender: SendService,
    private readonly orders: OrderService,
    private readonly products: ProductService,
    private readonly stock: StockService,
    private readonly contacts: ContactService,
  ) {}

  /** @throws ValidationError for a payload that does not fit its type, and whatever the same call by REST throws */
  async run({ merchant_id: merchantId, event_type: type, payload }: BotCallBody): Promise<object> {
    workContext.actAs({ type: 'system', role: ACTOR });
    return this.work[type](merchantId.toLowerCase(), payload);
  }
}

function read<T extends object>(type: new () => T, payload: object): T {
  try {
    return validateInput(type, payload);
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    throw new ValidationError(error.errors!.map((fault) => ({ ...fault, path: `payload.${fault.path}` })));
  }
}
