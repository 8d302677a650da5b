import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { InboundChannel, InboundItem } from '../inbound/inbound-item.js';
import { cloudFormat } from './cloud-inbound.js';

const NUMBER = '106540352242922';
const CHANNEL: InboundChannel = { id: 'c', kind: 'cloud', phone: '+15550783881', config: { phoneNumberId: NUMBER } };
const METADATA = { display_phone_number: '15550783881', phone_number_id: NUMBER };
const FROM = '263771234567';

const webhook = (...changes: object[]): string =>
  JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: '102290129340398', changes }] });
const change = (value: object, field = 'messages'): object => ({
  field,
  value: { messaging_product: 'whatsapp', metadata: METADATA, ...value },
});
const read = (body: string): InboundItem[] => cloudFormat.parse(body, CHANNEL);
const CONTACT = { profile: { name: 'Rudo 🌽' }, wa_id: FROM };
const message = (part: object, more: object = {}): InboundItem[] =>
  read(
    webhook(
      change({ contacts: [CONTACT], messages: [{ from: FROM, id: 'wamid.1', timestamp: '1764064800', ...part, ...more }] }),
    ),
  );
const content = (part: object): unknown => {
  const [item] = message(part);
  return item && 'message' in item ? item.message.content : item;
};
const reasons = (items: InboundItem[]): string[] => items.map((item) => ('rejected' in item ? item.rejected.reason : 'fine'));

describe('a message', () => {
  it('carries who wrote, by what name, what, and what it answers', () => {
    expect(message({ type: 'text', text: { body: 'Mhoro' }, context: { from: '15550783881', id: 'wamid.0' } })).toEqual([
      {
        message: {
          waMessageId: 'wamid.1',
          from: { phone: '+263771234567' },
          name: 'Rudo 🌽',
          content: { type: 'text', text: { body: 'Mhoro' } },
          replyTo: 'wamid.0',
        },
      },
    ]);
  });

  it('is read from Meta’s own escapes', () => {
    const body = String.raw`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"${NUMBER}"},"contacts":[{"profile":{"name":"Jos\u00e9 \ud83c\udf3d"},"wa_id":"${FROM}"}],"messages":[{"from":"${FROM}","id":"wamid.HBgL\/+==","timestamp":"1764064800","text":{"body":"caf\u00e9 1\/2"},"type":"text"}]},"field":"messages"}]}]}`;
    expect(read(body)).toMatchObject([
      { message: { waMessageId: 'wamid.HBgL/+==', name: 'José 🌽', content: { text: { body: 'café 1/2' } } } },
    ]);
  });

  it.each<[string, object, object]>([
    ['text', { type: 'text', text: { body: '' } }, { type: 'text', text: { body: '' } }],
    [
      'a template’s quick reply',
      { type: 'button', button: { payload: 'yes', text: 'Yes' } },
      { type: 'reply', reply: { id: 'yes', title: 'Yes' } },
    ],
    [
      'a tapped button',
      { type: 'interactive', interactive: { type: 'button_reply', button_reply: { id: 'cart:add', title: 'Add' } } },
      { type: 'reply', reply: { id: 'cart:add', title: 'Add' } },
    ],
    [
      'a tapped row',
      {
        type: 'interactive',
        interactive: { type: 'list_reply', list_reply: { id: 'rice', title: 'Rice', description: '5 kg' } },
      },
      { type: 'reply', reply: { id: 'rice', title: 'Rice' } },
    ],
    [
      'a location',
      { type: 'location', location: { latitude: -17.8, longitude: 31, name: 'Home', address: '', url: 'https://x' } },
      { type: 'location', location: { latitude: -17.8, longitude: 31, name: 'Home' } },
    ],
    [
      'contacts',
      { type: 'contacts', contacts: [{ name: { formatted_name: 'Tino' }, phones: [{ phone: '+263 77', wa_id: '26377' }, {}] }] },
      { type: 'contacts', contacts: [{ name: 'Tino', phones: ['+263 77'] }] },
    ],
    [
      'an order, without its prices',
      {
        type: 'order',
        order: {
          catalog_id: '1',
          text: '',
          product_items: [
            { product_retailer_id: 'RICE', quantity: 2, item_price: 0.01, currency: 'USD' },
            { product_retailer_id: 'SOAP', quantity: '3' },
            { product_retailer_id: 'AIR', quantity: 0 },
            { quantity: 1 },
          ],
        },
      },
      {
        type: 'order',
        order: {
          items: [
            { sku: 'RICE', quantity: 2 },
            { sku: 'SOAP', quantity: 3 },
          ],
        },
      },
    ],
    [
      'what the network cannot show',
      { type: 'unsupported', errors: [{ code: 131051, title: 'Message type unknown' }] },
      { type: 'unsupported', unsupported: { what: 'Message type unknown' } },
    ],
    ['what is new', { type: 'hologram', hologram: {} }, { type: 'unsupported', unsupported: { what: 'hologram' } }],
    [
      'a flow',
      { type: 'interactive', interactive: { type: 'nfm_reply', nfm_reply: {} } },
      { type: 'unsupported', unsupported: { what: 'nfm_reply' } },
    ],
    [
      'a location without a place',
      { type: 'location', location: { latitude: 'x' } },
      { type: 'unsupported', unsupported: { what: 'location' } },
    ],
    ['an empty order', { type: 'order', order: { product_items: [] } }, { type: 'unsupported', unsupported: { what: 'order' } }],
    ['no type at all', {}, { type: 'unsupported', unsupported: { what: 'nothing' } }],
    ['a type that is a trap', { type: '__proto__' }, { type: 'unsupported', unsupported: { what: '__proto__' } }],
  ])('may be %s', (_, part, expected) => {
    expect(content(part)).toEqual(expected);
  });

  it.each(['image', 'video', 'audio', 'document', 'sticker'])('may be a file: %s, whose place at Meta is kept apart', (kind) => {
    const file = { id: '1003383421387256', mime_type: 'x/y', sha256: 'abc=', caption: 'Bill', filename: 'bill.pdf', voice: true };
    expect(message({ type: kind, [kind]: file })).toMatchObject([
      {
        message: {
          content: { type: kind, [kind]: { mimeType: 'x/y', caption: 'Bill', filename: 'bill.pdf' } },
          media: { id: '1003383421387256', mimeType: 'x/y', sha256: 'abc=', voice: true },
        },
      },
    ]);
  });

  it('that is a reaction is nothing to answer', () => {
    expect(message({ type: 'reaction', reaction: { message_id: 'wamid.0', emoji: '👍' } })).toEqual([]);
  });
});

describe('who wrote', () => {
  const hidden = { profile: { name: 'Rudo', username: '@rudo' }, user_id: 'US.13491208655302741918' };
  const said = { id: 'wamid.1', type: 'text', text: { body: 'hi' } };

  it('may be known by a user id alone', () => {
    const from_user_id = 'US.13491208655302741918';
    expect(read(webhook(change({ contacts: [hidden], messages: [{ ...said, from_user_id }] })))).toMatchObject([
      { message: { from: { userId: from_user_id }, name: 'Rudo' } },
    ]);
    // Told in the contact only.
    expect(read(webhook(change({ contacts: [hidden], messages: [said] })))).toMatchObject([
      { message: { from: { userId: from_user_id } } },
    ]);
  });

  it('may be known by both', () => {
    const contacts = [{ ...hidden, wa_id: FROM }];
    expect(read(webhook(change({ contacts, messages: [{ ...said, from: FROM }] })))).toMatchObject([
      { message: { from: { phone: '+263771234567', userId: hidden.user_id } } },
    ]);
  });

  it('is each one’s own, when several wrote', () => {
    const contacts = [CONTACT, { profile: { name: 'Tino' }, wa_id: '263772000000' }];
    const messages = [
      { ...said, from: '263772000000' },
      { ...said, id: 'wamid.2', from: FROM },
      { ...said, id: 'wamid.3', from: '263773000000' },
    ];
    expect(read(webhook(change({ contacts, messages }))).map((item) => 'message' in item && item.message.name)).toEqual([
      'Tino',
      'Rudo 🌽',
      undefined,
    ]);
  });

  it('has another number from now on', () => {
    const system = { type: 'user_changed_number', wa_id: '263779999999', body: 'Rudo changed' };
    expect(message({ type: 'system', system })).toEqual([
      { renumber: { from: { phone: '+263771234567' }, to: { phone: '+263779999999' } } },
    ]);
    expect(message({ type: 'system', system: { type: 'customer_identity_changed' } })).toEqual([]);
  });
});

const ID = '01990000-0000-7000-8000-000000000001';
const status = (more: object): InboundItem[] =>
  read(webhook(change({ statuses: [{ id: 'wamid.1', status: 'sent', timestamp: '1', recipient_id: FROM, ...more }] })));

describe('a status', () => {
  it.each([
    ['sent', 'sent'],
    ['delivered', 'delivered'],
    ['read', 'read'],
    ['played', 'read'],
  ])('%s', (given, expected) => {
    expect(status({ status: given, biz_opaque_callback_data: ID })).toEqual([
      { receipt: { waMessageId: 'wamid.1', messageId: ID, status: expected } },
    ]);
  });

  it('that is not a step of a message’s way is nothing', () => {
    for (const odd of ['deleted', 'constructor', 7, null]) expect(status({ status: odd })).toEqual([]);
  });

  it('says why a message failed', () => {
    const errors = [{ code: 131047, title: 'Re-engagement message', error_data: { details: 'More than 24 hours' } }];
    expect(status({ status: 'failed', errors })).toMatchObject([
      {
        receipt: {
          status: 'failed',
          error: { code: 'window_closed', message: expect.stringContaining('More than 24 hours') as string },
        },
      },
    ]);
    expect(status({ status: 'failed' })).toMatchObject([{ receipt: { error: { code: 'refused' } } }]);
  });

  it('carries only an id that can be ours', () => {
    for (const odd of ['order-7', '', 7, null])
      expect(status({ biz_opaque_callback_data: odd })).toEqual([{ receipt: { waMessageId: 'wamid.1', status: 'sent' } }]);
  });
});

const preference = (more: object) =>
  read(
    webhook(
      change({ user_preferences: [{ wa_id: FROM, category: 'marketing_messages', value: 'stop', ...more }] }, 'user_preferences'),
    ),
  );

test('marketing that is stopped or resumed in WhatsApp itself', () => {
  expect(preference({})).toEqual([{ marketing: { address: { phone: '+263771234567' }, stopped: true } }]);
  expect(preference({ value: 'resume' })).toEqual([{ marketing: { address: { phone: '+263771234567' }, stopped: false } }]);
  expect(preference({ category: 'other' })).toEqual([]);
});

const one = (id: string) => ({ from: FROM, id, type: 'text', text: { body: id } });
test('all entries, changes and items are read, in their order', () => {
  const body = JSON.stringify({
    entry: [
      { changes: [change({ messages: [one('1'), one('2')] }), change({ statuses: [{ id: 's', status: 'read' }] })] },
      { changes: [change({ review: 1 }, 'account_review_update'), change({ messages: [one('3')] })] },
    ],
  });
  expect(read(body).map((item) => ('message' in item ? item.message.waMessageId : Object.keys(item)[0]))).toEqual([
    '1',
    '2',
    'receipt',
    '3',
  ]);
});

describe('what cannot be understood', () => {
  it('is put aside alone, and what is beside it is read', () => {
    const good = { from: FROM, id: 'wamid.2', type: 'text', text: { body: 'hi' } };
    const items = read(
      webhook(
        change({ contacts: [CONTACT], messages: [{ from: FROM, type: 'text' }, 'nonsense', good, { id: 'x', type: 'text' }] }),
      ),
    );
    expect(reasons(items)).toEqual([
      'a message without an id',
      'an item of messages is no object',
      'fine',
      'a sender without a number or user id that can be written to',
    ]);
  });

  it('is kept such that it is read again, and by better code understood', () => {
    const [first] = read(
      webhook(
        change({
          contacts: [CONTACT],
          messages: [
            { from: FROM, type: 'text' },
            { from: FROM, type: 'text' },
          ],
        }),
      ),
    );
    const { body } = (first as { rejected: { body: string } }).rejected;
    expect(read(body)).toEqual([first]);
    expect(read(body.replace('"type":"text"', '"type":"text","id":"wamid.1"'))).toMatchObject([
      { message: { waMessageId: 'wamid.1', name: 'Rudo 🌽' } },
    ]);
  });

  it('may be another number’s: that is no message of this channel', () => {
    const value = {
      metadata: { phone_number_id: '7' },
      messages: [{ from: FROM, id: 'wamid.1', type: 'text', text: { body: 'hi' } }],
    };
    const [item] = read(webhook(change(value)));
    expect(reasons([item!])).toEqual(['it is for the number with the id 7, not this channel’s']);
    const { body } = (item as { rejected: { body: string } }).rejected;
    expect(cloudFormat.parse(body, { ...CHANNEL, config: { phoneNumberId: '7' } })).toMatchObject([
      { message: { waMessageId: 'wamid.1' } },
    ]);
  });

  it.each(['', 'not json', '"text"', '7', 'null', '[]', '{}', '{"entry":7}'])('is no webhook: %j', (body) => {
    expect(() => read(body)).toThrow(Error);
  });

  it('never throws for anything that has entries, and loses no message', () => {
    const odd = fc.jsonValue({ maxDepth: 4 });
    const item = fc.oneof(
      odd,
      fc.record(
        {
          id: fc.oneof(odd, fc.string()),
          from: fc.oneof(odd, fc.constant(FROM)),
          type: fc.constantFrom(
            'text',
            'interactive',
            'image',
            'order',
            'location',
            'contacts',
            'button',
            'unsupported',
            'toString',
          ),
          text: odd,
          interactive: odd,
          image: odd,
          order: odd,
          location: odd,
          contacts: odd,
          context: odd,
          errors: odd,
        },
        { requiredKeys: [] },
      ),
    );
    fc.assert(
      fc.property(fc.array(item, { maxLength: 5 }), odd, (messages, contacts) => {
        expect(read(webhook(change({ messages, contacts })))).toHaveLength(messages.length);
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(odd, odd, (value, statuses) => {
        read(
          JSON.stringify({
            entry: [value, { changes: value }, { changes: [value, { field: value, value }, change({ statuses })] }],
          }),
        );
      }),
      { numRuns: 500 },
    );
  });
});
