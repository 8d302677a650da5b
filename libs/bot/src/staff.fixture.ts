import type { BroadcastOutlook, BroadcastTemplate } from '@soko/broadcasts';
import type { InboundContent } from '@soko/contracts';
import { product, refusals } from './customer.fixture.js';
import { staffAnswer } from './staff.js';
import { readStaffState, READY, type StaffState, storedStaff } from './staff-state.js';
import type { BroadcastOffer, OwnDelivery, ShownOrder, StaffAnswer, StaffData, StockedProduct } from './staff-turn.js';

/* A shop and its people, for tests. */

export const order = (over: Partial<ShownOrder> = {}): ShownOrder => ({
  id: 'o12',
  number: 12,
  status: 'pending',
  total: { amount: 2_500, currency: 'USD' },
  customer: { phone: '+263771000001', name: 'Rudo' },
  paymentStatus: 'unpaid',
  items: [
    {
      productId: 'p1',
      sku: 'MAIZE-10',
      name: 'Maize meal 10 kg',
      quantity: 2,
      unitPrice: { amount: 1_250, currency: 'USD' },
      total: { amount: 2_500, currency: 'USD' },
    },
  ],
  delivery: { destination: { address: '12 Samora Machel Ave' } },
  ...over,
});
export const stocked = (over: Partial<StockedProduct> = {}): StockedProduct => ({
  ...product(),
  sku: 'MAIZE-10',
  stock: 12,
  ...over,
});
export const delivery = (over: Partial<OwnDelivery> = {}): OwnDelivery => ({
  id: 'd12',
  orderNumber: 12,
  status: 'in_transit',
  customer: { phone: '+263771000001', name: 'Rudo' },
  destination: { address: '12 Samora Machel Ave' },
  ...over,
});
export const template = (over: Partial<BroadcastTemplate> = {}): BroadcastTemplate => ({
  id: 't1',
  name: 'spring_sale',
  edition: 't1:1',
  needs: [
    { name: 'what', type: 'text', example: 'Rice' },
    { name: 'percent', type: 'number', example: '10' },
  ],
  ...over,
});
export const outlook = (over: Partial<BroadcastOutlook> = {}): BroadcastOutlook => ({
  recipients: 40,
  excluded: { blocked: 0, optedOut: 0, marketingStopped: 0, notOptedIn: 2, unreachable: 0 },
  examples: [{ contactId: 'c1', language: 'en', text: 'Dear Rudo: Rice is 10 % off.' }],
  warnings: [{ code: 'notOptedIn', count: 2, text: '' }],
  faults: [],
  ...over,
});
export const offer = (over: Partial<BroadcastOffer> = {}): BroadcastOffer => ({
  templates: [template(), template({ id: 't2', name: 'closed', edition: 't2:4', needs: [] })],
  tags: ['wholesale', 'Harare'],
  outlook: outlook(),
  ...over,
});
export const office = (over: Partial<StaffData> = {}): StaffData => ({
  member: { id: 'u1', name: 'Tariro Moyo', role: 'owner' },
  locale: 'en',
  messageId: 'm1',
  orders: [order(), order({ id: 'o11', number: 11, status: 'delivered' })],
  named: order(),
  products: [stocked(), stocked({ id: 'p2', sku: 'OIL', name: 'Cooking oil', stock: 2, available: 2 })],
  paused: false,
  deliveries: [],
  broadcasts: offer(),
  ...over,
});
export const onTheRoad = (over: Partial<StaffData> = {}): StaffData =>
  office({
    member: { id: 'u2', name: 'Tapiwa', role: 'driver' },
    orders: [],
    named: undefined,
    products: [],
    broadcasts: undefined,
    deliveries: [
      delivery(),
      delivery({ id: 'd13', orderNumber: 13, status: 'assigned', destination: { location: { latitude: -17.8, longitude: 31 } } }),
    ],
    ...over,
  });

/** Says one thing after the other, with the same data, and gives the last answer. */
export const told = (data: StaffData, ...said: InboundContent[]): StaffAnswer =>
  said.reduce<StaffAnswer>((last, each) => next(last.state, each, data), {
    state: READY,
    replies: [],
    commands: [],
    language: 'en',
  });

export function next(from: StaffState, said: InboundContent, data: StaffData): StaffAnswer {
  const given = staffAnswer(from, said, data);
  // As it is stored and read again.
  return { ...given, state: readStaffState(JSON.parse(JSON.stringify(storedStaff(given.state)))) };
}

/** Whose outcome is the answer. */
const ANSWERING = new Set('move-order adjust-stock pause-chat broadcast steer-broadcast start hand-over fail'.split(' '));

/** What is wrong with an answer, whatever was said. */
export function staffFaults({ state, replies, commands }: StaffAnswer): string[] {
  const answered = replies.length > 0 || commands.some((command) => ANSWERING.has(command.do) || command.do === 'locate');
  const read = readStaffState(JSON.parse(JSON.stringify(storedStaff(state))));
  return [
    ...refusals(replies).map(String),
    ...(answered ? [] : ['silence']),
    ...(commands.filter((command) => ANSWERING.has(command.do)).length > 1 ? ['two things at once'] : []),
    ...(JSON.stringify(read) === JSON.stringify(state) ? [] : ['a state that cannot be read']),
  ];
}

/** One of every step. */
export const STAFF_STATES: StaffState[] = [
  READY,
  { step: 'shopping' },
  { step: 'orders', page: 0 },
  { step: 'orders', page: 7 },
  { step: 'order', number: 12 },
  { step: 'order', number: 99 },
  { step: 'cancelling', number: 12 },
  { step: 'cancelling', number: 99, reason: 'They called' },
  { step: 'stock', page: 0 },
  { step: 'stock', page: 3, words: 'maize' },
  { step: 'product', productId: 'p1' },
  { step: 'product', productId: 'gone' },
  { step: 'deliveries', page: 0 },
  { step: 'delivery', number: 12 },
  { step: 'code', number: 12 },
  { step: 'code', number: 99 },
  { step: 'reason', number: 12 },
  { step: 'photo', mediaId: 'm0' },
  { step: 'templates', page: 0 },
  { step: 'templates', page: 5 },
  { step: 'broadcast', draft: { templateId: 't1', values: {} }, page: 0 },
  { step: 'broadcast', draft: { templateId: 't2', values: {} }, page: 4 },
  { step: 'broadcast', draft: { templateId: 't1', audience: 'all', values: {} }, page: 0 },
  { step: 'broadcast', draft: { templateId: 't1', audience: 'tag:Harare', values: { what: 'Rice' } }, page: 0 },
  { step: 'broadcast', draft: { templateId: 'gone', audience: 'lapsed', values: {} }, page: 0 },
  {
    step: 'preview',
    draft: { templateId: 't1', audience: 'recent', values: { what: 'Rice', percent: '10' } },
    shown: { edition: 't1:1', recipients: 40, key: 'k1' },
  },
  {
    step: 'preview',
    draft: { templateId: 't2', audience: 'tag:wholesale', values: {} },
    shown: { edition: 't2:3', recipients: 2, key: 'k1' },
  },
  {
    step: 'preview',
    draft: { templateId: 'gone', audience: 'all', values: {} },
    shown: { edition: '', recipients: 1, key: 'k1' },
  },
];
