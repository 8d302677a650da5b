import type { Money } from '@soko/common';
import type { OrderStatus, OutboundContent } from '@soko/contracts';
import { type CartLine, type Change, kept, type PricedLine, settle } from './cart.js';
import type { PaymentMethod } from '@soko/payments';
import type { ConversationState, DeliveryWish } from './conversation-state.js';
import type { Heard } from './input.js';
import type { Language, Speaker, Spoken } from './language.js';
import type { OfferedProduct } from './offered-product.js';

/** An order that the customer has placed before. */
export interface PastOrder {
  number: number;
  status: OrderStatus;
  total: Money;
  lines: CartLine[];
  delivery?: DeliveryWish;
}

/** What the bot may know about the merchant, and about the customer. */
export interface MerchantData {
  name: string;
  locale: string;
  timezone: string;
  /** What can be bought now. */
  products: OfferedProduct[];
  /** How one can pay; where there is one way only, nobody is asked. */
  paymentMethods: PaymentMethod[];
  /** The shop is closed, and the customer has not been told today. */
  away?: { opensAt?: Date };
  cart: CartLine[];
  /** The last three, newest first. */
  orders: PastOrder[];
  /** What the customer speaks, as far as we know. */
  spoken?: Spoken;
  /** WhatsApp hides the customer's number, and nobody has told us one yet. */
  phoneMissing?: boolean;
}

/** What is to be done besides answering, in the transaction of the answer. */
export type Command =
  /** The cart is this from now on. */
  | { do: 'keep-cart'; lines: CartLine[] }
  /** Confirmed by the customer; the cart becomes the order. */
  | { do: 'place-order'; items: { productId: string; quantity: number }[]; delivery: DeliveryWish; payment: PaymentMethod }
  | { do: 'speak'; spoken: Spoken }
  /** E.164: what the customer wants to be called at. */
  | { do: 'note-phone'; phone: string }
  /** The customer wants no marketing any more. */
  | { do: 'opt-out' }
  /** A person is to answer; the bot is silent from now on. */
  | { do: 'hand-over' };

export interface Answer {
  state: ConversationState;
  /** Empty only where an order is placed: then the answer has its number. */
  replies: OutboundContent[];
  commands: Command[];
  /** What the replies are in. */
  language: Language;
}

/** An answer in the making. */
export type Part = Pick<Answer, 'state' | 'replies'> & { commands?: Command[] };

/** One message, and all that is needed to answer it. */
export interface Turn {
  data: MerchantData;
  heard: Heard;
  speak: Speaker;
  /** The cart as it can be had now. */
  cart: PricedLine[];
  /** What that has changed; told when the cart is shown. */
  changes: Change[];
}

export function turnOf(data: MerchantData, heard: Heard, speak: Speaker): Turn {
  const { lines, changes } = settle(data.cart, data.products);
  return { data, heard, speak, cart: lines, changes };
}

export const keep = (lines: readonly PricedLine[]): Command => ({ do: 'keep-cart', lines: kept(lines) });

/** Which option of a list is meant, by a tap or by its number. */
export const picked = ({ tapped, number }: Heard, options: readonly string[]): string | undefined =>
  tapped ?? (number === undefined ? undefined : options[number - 1]);
