import type { BroadcastOutlook, BroadcastTemplate } from '@soko/broadcasts';
import type { OutboundContent } from '@soko/contracts';
import type { DeliveryView } from '@soko/deliveries';
import { ROLE_SCOPES, type StaffMember } from '@soko/identity';
import type { CustomerOrder, OrderAction, OrderSummaryView, OrderView } from '@soko/orders';
import type { Heard } from './input.js';
import type { Language, Speaker, Spoken } from './language.js';
import type { StaffMessageKey } from './messages/staff-en.js';
import type { OfferedProduct } from './offered-product.js';
import type { StaffState } from './staff-state.js';
import type { Want } from './staff-words.js';

export type StaffSpeaker = Speaker<StaffMessageKey>;
/** An order in a list. */
export type ListedOrder = Pick<OrderSummaryView, 'id' | 'number' | 'status' | 'total' | 'customer'>;
/** An order with all that is shown of it. */
export type ShownOrder = ListedOrder &
  Pick<OrderView, 'paymentStatus' | 'note' | 'reason' | 'items'> &
  Pick<CustomerOrder, 'destination'> & { delivery?: Pick<DeliveryView, 'destination' | 'driver'> };
export interface StockedProduct extends OfferedProduct {
  sku: string;
  /** On hand, reserved ones included. */
  stock: number;
}
export type OwnDelivery = Pick<DeliveryView, 'id' | 'orderNumber' | 'status' | 'customer' | 'destination' | 'position'>;

/** What a broadcast can be made of. */
export interface BroadcastOffer {
  templates: BroadcastTemplate[];
  /** Of customers, those that most have first. */
  tags: string[];
  /** What would come of the one that the message is about, or why nothing would; nothing where that one is not complete. */
  outlook?: BroadcastOutlook | { refused: string };
}

/** What the bot may know when somebody of the team writes. */
export interface StaffData {
  member: StaffMember;
  locale: string;
  spoken?: Spoken;
  /** Of the message that is answered: a photo that came with it has the same id. */
  messageId: string;
  /** Today's, by the merchant's clock, newest first. Empty for drivers, as is all of the shop. */
  orders: ListedOrder[];
  /** The one that the message is about, or the question before it. */
  named?: ShownOrder;
  products: StockedProduct[];
  /** The bot answers no customer. */
  paused: boolean;
  /** What they are to bring, what they have set out with first. */
  deliveries: OwnDelivery[];
  /** Where the message may be about a broadcast. */
  broadcasts?: BroadcastOffer;
}

/** What is to be done besides answering, in the transaction of the answer, in the name of whoever wrote. */
export type StaffCommand =
  | { do: 'move-order'; id: string; number: number; action: OrderAction; reason?: string }
  | { do: 'adjust-stock'; productId: string; name: string; delta: number; reason: string }
  | { do: 'pause-shop'; paused: boolean }
  /** E.164: the chats with this customer. */
  | { do: 'pause-chat'; phone: string; paused: boolean }
  /** `name`: of the template. */
  | { do: 'broadcast'; name: string; values: Record<string, string>; audience: string }
  /** Without `id` all that run are stopped, or the last one that was goes on. */
  | { do: 'steer-broadcast'; id?: string; paused: boolean }
  | { do: 'start'; id: string; number: number }
  | { do: 'hand-over'; id: string; number: number; code?: string; mediaId?: string }
  | { do: 'fail'; id: string; number: number; reason: string }
  | { do: 'locate'; id: string; position: { latitude: number; longitude: number } }
  | { do: 'speak'; spoken: Spoken }
  /** The phone is nobody's any more. */
  | { do: 'unlink' };

export interface StaffAnswer {
  state: StaffState;
  /** Empty where the outcome of a command is the answer, and for positions after the first one of a way. */
  replies: OutboundContent[];
  commands: StaffCommand[];
  language: Language;
}

export type StaffPart = Pick<StaffAnswer, 'state' | 'replies'> & { commands?: StaffCommand[] };

/** One message of somebody of the team, and all that is needed to answer it. */
export interface StaffTurn {
  data: StaffData;
  heard: Heard;
  speak: StaffSpeaker;
  want?: Want;
}

/** Drivers know nothing of the shop. */
export const runsShop = ({ member }: Pick<StaffData, 'member'>): boolean => member.role !== 'driver';

/** As over the api. */
export const mayBroadcast = ({ member }: Pick<StaffData, 'member'>): boolean => ROLE_SCOPES[member.role].has('messages:write');
