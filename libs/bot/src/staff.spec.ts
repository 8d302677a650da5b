import { isDeepStrictEqual } from 'node:util';
import type { InboundContent } from '@soko/contracts';
import { describe, expect, it } from 'vitest';
import { buttonsOf, location, rowsOf, tap, text, wordsOf } from './customer.fixture.js';
import {
  delivery,
  next,
  offer,
  office,
  onTheRoad,
  order,
  outlook,
  STAFF_STATES,
  staffFaults,
  stocked,
  template,
  told,
} from './staff.fixture.js';
import { staffAnswer } from './staff.js';
import type { StaffData } from './staff-turn.js';

const image = (over: object = {}): InboundContent => ({ type: 'image', image: { mediaId: 'photo-1', ...over } });
const split = (words: string): string[] => words.split('|');
const WORDS = [
  ...split(
    '| |help|hi|orders|order|order 12|order 99|order 12 confirm|order 12 cancel they called|cancel|cancel 12|confirm|deliver 12',
  ),
  ...split(
    'stock|stock maize|stock MAIZE-10 +12 new|stock nothing|stock OIL -99|+12 more|+12|-3|pause|pause +263771000001|pause nobody',
  ),
  ...split('broadcast|broadcast closed|broadcast none|stop broadcast|resume broadcast|Harare|Rice|10|confirm|all|cancel'),
  ...split(
    'resume|deliveries|delivery 12|start 12|start 13|start|done 12 4821|done 4821|done 99|done|4821|failed 12 nobody home|failed',
  ),
  ...split(
    'photo|photo 12|more|yes|no|yes 12|no 99|back|shop|work|unlink|français|العربية|english|thanks|طلب ١٢|🌽|((|__proto__|STOP|1',
  ),
  'x'.repeat(4096),
  '🌽'.repeat(2048),
  `order 12 cancel ${'🌽'.repeat(2000)}`,
  `failed 12 ${'🌽'.repeat(2000)}`,
  `stock MAIZE-10 +1 ${'🌽'.repeat(2000)}`,
];
const TAPS = [
  ...split(
    'work:orders|work:orders:12|work:orders:99|work:confirm:12|work:prepare:12|work:cancel:12|work:yes:12|work:yes:99|work:no:12',
  ),
  ...split(
    'work:stock|work:stock:p1|work:stock:gone|work:pause|work:resume|work:deliveries|work:deliveries:12|work:start:13|work:done:12',
  ),
  ...split(
    'work:broadcast|work:broadcast:t1|work:broadcast:gone|to:all|to:lapsed|to:tag:wholesale|to:tag:none|to:|work:yes|work:yes:k1|work:yes:old|work:no',
  ),
  ...split('work:pause:broadcast|work:pause:broadcast:b1|work:resume:broadcast:b1|work:cancel'),
  ...split(
    'work:failed:12|work:photo:12|work:photo:13|work:more|work:help|work:shop|work:unlink|work:|work:evil|order:confirm|do:menu||x',
  ),
];
const media = (['video', 'audio', 'document', 'sticker'] as const).map(
  (type) => ({ type, [type]: {} }) as unknown as InboundContent,
);
const INPUTS: InboundContent[] = [
  ...WORDS.map(text),
  ...TAPS.map(tap),
  ...media,
  image(),
  image({ mediaId: undefined }),
  image({ mediaId: undefined, unavailable: 'gone' }),
  location(),
  { type: 'contacts', contacts: [] },
  { type: 'order', order: { items: [] } },
  { type: 'unsupported', unsupported: { what: 'poll' } },
];

const long = '🌽'.repeat(300);
const many = Array.from({ length: 30 }, (_, index) => index + 1);
const PEOPLE: [string, StaffData][] = [
  ['an owner', office()],
  [
    'an agent of a shop without anything',
    office({
      orders: [],
      named: undefined,
      products: [],
      paused: true,
      broadcasts: offer({ templates: [], tags: [], outlook: undefined }),
    }),
  ],
  ['an agent who knows nothing of broadcasts', office({ broadcasts: undefined })],
  ['an owner whose broadcast cannot be sent', office({ broadcasts: offer({ outlook: { refused: 'x'.repeat(2000) } }) })],
  ['an owner whom nobody wants to hear', office({ broadcasts: offer({ outlook: outlook({ recipients: 0, examples: [] }) }) })],
  [
    'an owner of much, with long names, who drives too',
    office({
      member: { id: 'u1', name: long, role: 'owner' },
      orders: many.map((number) => order({ id: `o${number}`, number, customer: { phone: '+263771000001', name: long } })),
      named: order({
        customer: { phone: '+263771000001', name: long },
        items: many.map((quantity) => ({ ...order().items[0]!, name: long, quantity })),
        note: long,
        reason: long,
        delivery: { destination: { address: long }, driver: { name: long } },
      }),
      products: many.map((n) => stocked({ id: `p${n}`, sku: `S${n}`, name: long })),
      broadcasts: offer({
        templates: many.map((n) =>
          template({ id: `t${n}`, name: `${long}${n}`, needs: [{ name: 'what', type: 'text', example: long }] }),
        ),
        tags: many.map((n) => `${n} ${'🌽'.repeat(23)}`),
        outlook: outlook({
          examples: [{ contactId: 'c1', language: 'en', text: '🌽'.repeat(3000) }],
          warnings: (['notOptedIn', 'wantNone', 'noCounterpart', 'fewNewChats', 'nobody'] as const).map((code) => ({
            code,
            count: 1_000_000,
            text: long,
          })),
          faults: [long.repeat(4)],
        }),
      }),
      deliveries: many.map((orderNumber) =>
        delivery({ id: `d${orderNumber}`, orderNumber, customer: { phone: '+1', name: long }, destination: { address: long } }),
      ),
    }),
  ],
  ['a French agent', office({ member: { id: 'u1', name: 'Awa', role: 'agent' }, spoken: { code: 'fr', chosen: true } })],
  ['an Arabic owner', office({ locale: 'ar' })],
  ['a driver', onTheRoad()],
  ['a driver who has nothing', onTheRoad({ deliveries: [] })],
  ['an Arabic driver', onTheRoad({ locale: 'ar', deliveries: [delivery({ position: { latitude: 1, longitude: 2, at: '' } })] })],
];

describe.each(PEOPLE)('%s', (_, data) => {
  it.each(STAFF_STATES.map((state) => [state.step, state] as const))(
    'is answered everything in the state %s, in a way that WhatsApp takes',
    (__, state) => {
      const before = structuredClone({ state, data });
      const faults = INPUTS.flatMap((input) => {
        const given = staffAnswer(state, input, data);
        const again = isDeepStrictEqual(staffAnswer(state, input, data), given) ? [] : ['another answer to the same'];
        return [...staffFaults(given), ...again].map((fault) => `${JSON.stringify(input).slice(0, 80)}: ${fault}`);
      });
      expect(faults).toEqual([]);
      expect({ state, data }).toEqual(before);
    },
  );

  it('finds the way back to all choices from everywhere', () => {
    for (const state of STAFF_STATES) expect(staffAnswer(state, text('help'), data).state, state.step).toEqual({ step: 'ready' });
  });
});

it('a driver moves nothing of the shop, whatever is said in whatever state', () => {
  const data = onTheRoad({ orders: [order()], named: order(), products: [stocked()], broadcasts: offer() });
  const commands = STAFF_STATES.flatMap((state) => INPUTS.flatMap((input) => staffAnswer(state, input, data).commands));
  const shops = new Set(['move-order', 'adjust-stock', 'pause-shop', 'pause-chat', 'broadcast', 'steer-broadcast']);
  expect(commands.filter((command) => shops.has(command.do))).toEqual([]);
});

describe('orders', () => {
  it('are listed, shown, and moved by a tap or in words', () => {
    const listed = told(office(), text('orders'));
    expect(wordsOf(listed.replies)).toBe('2 orders today');
    expect(rowsOf(listed.replies).map(({ id }) => id)).toEqual(['work:orders:12', 'work:orders:11', 'work:help']);
    const shown = told(office(), text('orders'), tap('work:orders:12'));
    expect(wordsOf(shown.replies)).toMatch(
      /Order #12: waiting for confirmation.*2 × Maize meal 10 kg.*Total: \$25\.00, not paid/s,
    );
    expect(buttonsOf(shown.replies).map(({ id }) => id)).toEqual(['work:confirm:12', 'work:cancel:12']);
    const moved = [{ do: 'move-order', id: 'o12', number: 12, action: 'confirm' }];
    for (const said of [tap('work:confirm:12'), text('order 12 confirm'), text('confirm')])
      expect(next(shown.state, said, office()).commands).toEqual(moved);
  });

  it('that do not allow a step are shown with those that they do', () => {
    const data = office({ named: order({ status: 'confirmed' }) });
    const given = told(data, text('order 12 confirm'));
    expect(given.commands).toEqual([]);
    expect(wordsOf(given.replies)).toMatch(/Order #12 is confirmed: it does not allow that/);
    expect(buttonsOf(given.replies).map(({ title }) => title)).toEqual(['Prepare', 'Cancel the order']);
  });

  it('are cancelled after a second word only, with the reason that was given', () => {
    const asked = told(office(), text('order 12 cancel They called'));
    expect(asked.commands).toEqual([]);
    expect(wordsOf(asked.replies)).toMatch(/really cancel order #12 of Rudo \(\$25\.00\)/);
    const cancelled = [{ do: 'move-order', id: 'o12', number: 12, action: 'cancel', reason: 'They called' }];
    for (const said of [tap('work:yes:12'), text('yes'), text('confirm')])
      expect(next(asked.state, said, office()).commands).toEqual(cancelled);
    for (const said of [tap('work:no:12'), text('no'), text('orders'), tap('work:yes:99'), text('hm')])
      expect(next(asked.state, said, office()).commands).toEqual([]);
    // A button of yesterday is no answer to a question of today.
    expect(told(office(), tap('work:yes:12')).commands).toEqual([]);
  });

  it('that nobody knows are said to be none', () => {
    expect(wordsOf(told(office({ named: undefined }), text('order 99 confirm')).replies)).toMatch(/There is no order #99/);
    expect(wordsOf(told(office(), text('confirm')).replies)).toMatch(/Which order\?/);
  });
});

const adjusted = (reason: string) => [{ do: 'adjust-stock', productId: 'p1', name: 'Maize meal 10 kg', delta: 12, reason }];

describe('stock', () => {
  it('is shown by a tap, a code or a name, and changed by a signed number', () => {
    expect(rowsOf(told(office(), text('stock')).replies)[0]).toMatchObject({
      id: 'work:stock:p1',
      description: '12 in stock, 10 free',
    });
    expect(told(office(), text('stock maize-10 +12 New delivery')).commands).toEqual(adjusted('New delivery'));
    expect(told(office(), text('stock maiz'), text('+12')).commands).toEqual(adjusted('By WhatsApp'));
    expect(told(office(), tap('work:stock:p1'), text('+12 Found')).commands).toEqual(adjusted('Found'));
    expect(told(office(), text('+12')).commands).toEqual([]);
  });

  it('is changed of one product alone', () => {
    const data = office({ products: [stocked(), stocked({ id: 'p3', sku: 'MAIZE-1', name: 'Maize meal 1 kg' })] });
    const asked = told(data, text('stock maize +12'));
    expect(asked.commands).toEqual([]);
    expect(wordsOf(asked.replies)).toBe('Which one is it?');
    expect(told(data, text('stock MAIZE-1 +12')).commands).toMatchObject([{ productId: 'p3' }]);
  });
});

it('the bot is paused for the shop, or for one customer', () => {
  expect(told(office(), text('pause')).commands).toEqual([{ do: 'pause-shop', paused: true }]);
  expect(told(office(), text('resume')).commands).toEqual([{ do: 'pause-shop', paused: false }]);
  expect(told(office(), text('pause +263 77 100 0001')).commands).toEqual([
    { do: 'pause-chat', phone: '+263771000001', paused: true },
  ]);
  expect(told(office(), text('pause Rudo')).commands).toEqual([]);
  expect(rowsOf(told(office({ paused: true }), text('help')).replies).map(({ title }) => title)).toContain('Wake the bot');
});

it('whoever shops comes back by a word', () => {
  expect(told(office(), text('shop')).state).toEqual({ step: 'shopping' });
  expect(next({ step: 'shopping' }, text('work'), office()).state).toEqual({ step: 'ready' });
});

it('another language is spoken at once', () => {
  const given = told(onTheRoad(), text('français'));
  expect(given.commands).toEqual([{ do: 'speak', spoken: { code: 'fr', chosen: true } }]);
  expect(wordsOf(given.replies)).toMatch(/^Je parle français/);
});

describe('a driver', () => {
  const data = onTheRoad();

  it('sees what is to be brought, and sets out', () => {
    expect(rowsOf(told(data, text('deliveries')).replies).map(({ id }) => id)).toEqual([
      'work:deliveries:12',
      'work:deliveries:13',
      'work:help',
    ]);
    const shown = told(data, tap('work:deliveries:13'));
    expect(shown.replies.map(({ type }) => type)).toEqual(['location', 'buttons']);
    expect(told(data, tap('work:start:13')).commands).toEqual([{ do: 'start', id: 'd13', number: 13 }]);
    expect(told(data, text('start')).commands).toEqual([{ do: 'start', id: 'd13', number: 13 }]);
    expect(told(data, text('start 99')).commands).toEqual([]);
  });

  it('hands over by a code: with the number, without it where there is one way only, or when asked', () => {
    const done = [{ do: 'hand-over', id: 'd12', number: 12, code: '4821' }];
    for (const said of [
      ['done 12 4821'],
      ['done 4821'],
      ['done', '4821'],
      ['done 12', 'the code is 4821'],
      ['delivery 12', 'done 4821'],
    ])
      expect(told(data, ...said.map(text)).commands, said.join()).toEqual(done);
    expect(told(data, tap('work:done:12'), text('nonsense')).state).toEqual({ step: 'code', number: 12 });
    expect(wordsOf(told(data, text('done 13 4821')).replies)).toMatch(/not on the way with order #13/);
  });

  it('may call them orders', () => {
    expect(told(data, text('orders')).replies).toEqual(told(data, text('deliveries')).replies);
    expect(told(data, text('order 12 deliver 4821')).commands).toEqual([
      { do: 'hand-over', id: 'd12', number: 12, code: '4821' },
    ]);
    expect(wordsOf(told(data, text('order 12 cancel')).replies)).toMatch(/^That is not for drivers/);
  });

  it('says why it comes back', () => {
    const back = [{ do: 'fail', id: 'd12', number: 12, reason: 'nobody home' }];
    expect(told(data, text('failed 12 nobody home')).commands).toEqual(back);
    expect(told(data, tap('work:failed:12'), text('nobody home')).commands).toEqual(back);
    expect(told(data, tap('work:failed:12'), text('no')).commands).toEqual([]);
    // What begins like something else is a reason all the same.
    expect(told(data, tap('work:failed:12'), text('more snow than road')).commands).toMatchObject([
      { reason: 'more snow than road' },
    ]);
  });

  it('photographs the goods, and says which they are', () => {
    const asked = told(data, image());
    expect(rowsOf(asked.replies).map(({ id }) => id)).toEqual(['work:photo:12', 'work:help']);
    expect(next(asked.state, tap('work:photo:12'), data).commands).toEqual([
      { do: 'hand-over', id: 'd12', number: 12, mediaId: 'photo-1' },
    ]);
    // One that still lies with WhatsApp will have the id of its message.
    expect(told(data, image({ mediaId: undefined })).state).toEqual({ step: 'photo', mediaId: 'm1' });
    expect(told(data, tap('work:photo:12')).commands).toEqual([]);
  });

  it('is seen on the way, and told so once', () => {
    const first = told(data, location());
    expect(first.commands).toEqual([{ do: 'locate', id: 'd12', position: { latitude: -17.8, longitude: 31.05 } }]);
    expect(wordsOf(first.replies)).toBe('The customer sees where you are.');
    const seen = onTheRoad({ deliveries: [delivery({ position: { latitude: 1, longitude: 2, at: '' } })] });
    expect(told(seen, location())).toMatchObject({ replies: [], commands: [{ do: 'locate' }] });
    // It breaks off nothing that was being asked.
    expect(told(seen, tap('work:failed:12'), location()).state).toEqual({ step: 'reason', number: 12 });
  });
});
