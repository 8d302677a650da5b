import { PAYMENT_METHODS, type PaymentMethod } from '@soko/payments';

/** Where an order goes. */
export interface DeliveryWish {
  address?: string;
  location?: { latitude: number; longitude: number };
}

/** What a list of products shows: a category, what was found for some words, or everything. */
export interface Shelf {
  category?: string;
  words?: string;
}

/** Where a conversation stands. What is in the cart is kept apart: it lives longer. */
export type ConversationState =
  | { step: 'idle' }
  | { step: 'categories'; page: number; options: string[] }
  | ({ step: 'choosing'; page: number; options: string[] } & Shelf)
  /** `changing`: the number takes the place of the one in the cart. */
  | { step: 'quantity'; productId: string; changing?: boolean }
  | { step: 'cart' }
  | { step: 'changing'; page: number; options: string[] }
  | { step: 'address' }
  /** The customer's number is hidden, and the driver needs one. */
  | { step: 'phone'; delivery: DeliveryWish }
  | { step: 'payment'; delivery: DeliveryWish }
  /** `total`: what was shown, in minor units. */
  | { step: 'confirm'; delivery: DeliveryWish; payment: PaymentMethod; total: number }
  | { step: 'help'; options: string[] }
  | { step: 'language' };

export type Step = ConversationState['step'];
export type In<S extends Step> = Extract<ConversationState, { step: S }>;

export const IDLE: ConversationState = { step: 'idle' };

/** Rises when states stop meaning what they meant. */
const VERSION = 2;

/** As it is stored. */
export const stored = (state: ConversationState): object => ({ version: VERSION, ...state });

/** What was stored; what another version or nobody has written starts the conversation anew. */
export function readState(value: unknown): ConversationState {
  if (!isRecord(value) || value.version !== VERSION) return IDLE;
  const { version: _, ...state } = value;
  const fits = Object.hasOwn(SHAPES, String(state.step)) ? SHAPES[state.step as Step] : undefined;
  return fits?.(state) ? (state as unknown as ConversationState) : IDLE;
}

type Stored = Record<string, unknown>;
const isRecord = (value: unknown): value is Stored => typeof value === 'object' && value !== null && !Array.isArray(value);
const isTextOrNothing = (value: unknown): boolean => value === undefined || typeof value === 'string';
const isList = ({ page, options }: Stored): boolean => Number.isSafeInteger(page) && Number(page) >= 0 && isOptions(options);
const isOptions = (value: unknown): boolean => Array.isArray(value) && value.every((each) => typeof each === 'string');
const isPlace = (value: unknown): boolean =>
  value === undefined || (isRecord(value) && typeof value.latitude === 'number' && typeof value.longitude === 'number');
const isDelivery = (value: unknown): boolean =>
  isRecord(value) &&
  isTextOrNothing(value.address) &&
  isPlace(value.location) &&
  (value.address !== undefined || value.location !== undefined);
const always = (): boolean => true;

const SHAPES: Record<Step, (state: Stored) => boolean> = {
  idle: always,
  categories: isList,
  choosing: (state) => isList(state) && isTextOrNothing(state.category) && isTextOrNothing(state.words),
  quantity: ({ productId, changing }) =>
    typeof productId === 'string' && (changing === undefined || typeof changing === 'boolean'),
  cart: always,
  changing: isList,
  address: always,
  phone: ({ delivery }) => isDelivery(delivery),
  payment: ({ delivery }) => isDelivery(delivery),
  confirm: ({ delivery, payment, total }) =>
    isDelivery(delivery) && PAYMENT_METHODS.some((each) => each === payment) && Number.isSafeInteger(total),
  help: ({ options }) => isOptions(options),
  language: always,
};
