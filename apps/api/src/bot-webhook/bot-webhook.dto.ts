import { IsIn, IsObject, IsString, IsUUID, Length } from 'class-validator';
import { IsPhone } from '@soko/common';
import { AdjustStockBody } from '@soko/catalog';
import { UpdateContactBody } from '@soko/messaging';
import { TransitionBody } from '@soko/orders';

/** What a merchant's own system may tell us. */
export const BOT_EVENT_TYPES = ['message.send', 'order.transition', 'stock.adjust', 'contact.update'] as const;
export type BotEventType = (typeof BOT_EVENT_TYPES)[number];

export class BotCallBody {
  /** @example stock.adjust */
  @IsString()
  @IsIn(BOT_EVENT_TYPES, { message: `event_type must be one of ${BOT_EVENT_TYPES.join(', ')}` })
  event_type!: BotEventType;
  /** By its type. @example { "sku": "MAIZE-10", "delta": 12, "reason": "New delivery" } */
  @IsObject() payload!: object;
  /** Whose secret has signed the call. @example 01990000-0000-7000-8000-000000000001 */
  @IsUUID() merchant_id!: string;
}

export class OrderTransitionPayload extends TransitionBody {
  @IsUUID() orderId!: string;
}

export class StockAdjustPayload extends AdjustStockBody {
  /** @example MAIZE-10 */
  @IsString() @Length(1, 100) sku!: string;
}

export class ContactUpdatePayload extends UpdateContactBody {
  /** Whose. @example +263771234567 */
  @IsPhone() phone!: string;
}

export class BotAnswerView {
  /** `webhook-id` of the call. @example msg_2KWPBgLlAfxdpx2AI54pPJ85f4W */
  id!: string;
  /** @example stock.adjust */
  eventType!: BotEventType;
  /** What the same call by REST answers: the queued message, the order, the movement of stock, the contact. @example { "id": "01990000-0000-7000-8000-000000000001", "stock": 37 } */
  result!: object;
}
