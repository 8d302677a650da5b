import type { OutboundContent } from '@soko/contracts';
import { describe, expect, it, test } from 'vitest';
import { type CloudContent, type CloudSend, messagePayload, readPayload } from './cloud-payload.js';
import { ContentError } from './content-limits.js';

const ID = '01990000-0000-7000-8000-000000000001';
const written = (content: CloudContent, more: Partial<CloudSend> = {}) =>
  messagePayload({ messageId: ID, to: { phone: '+263771234567' }, content, replyTo: null, ...more }) as Record<string, unknown>;
const part = (content: CloudContent): unknown => {
  const payload = written(content);
  return payload[payload.type as string];
};
const text = (body: string): OutboundContent => ({ type: 'text', text: { body } });
const buttons = (more: object = {}): OutboundContent => ({
  type: 'buttons',
  buttons: { body: 'Right?', buttons: [{ id: 'yes', title: 'Yes' }], ...more },
});
const list = (more: object = {}): OutboundContent => ({
  type: 'list',
  list: { body: 'Choose', button: 'See', sections: [{ rows: [{ id: 'rice', title: 'Rice' }] }], ...more },
});
const rows = (count: number, from = 0) =>
  Array.from({ length: count }, (_, n) => ({ id: `r${from + n}`, title: `Row ${from + n}` }));

describe('the envelope', () => {
  it('names the person by number, and carries our id', () => {
    expect(written(text('Hello'))).toEqual({
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      to: '263771234567',
      type: 'text',
      text: { body: 'Hello' },
      biz_opaque_callback_data: ID,
    });
  });

  it('names who has no number by user id, and prefers the number', () => {
    const hidden = written(text('Hello'), { to: { userId: 'US.123' } });
    expect(hidden).toMatchObject({ recipient: 'US.123' });
    expect(hidden).not.toHaveProperty('to');
    expect(written(text('Hello'), { to: { phone: '+263771234567', userId: 'US.123' } })).not.toHaveProperty('recipient');
  });

  it('is not made for who is known by a lid alone', () => {
    expect(() => written(text('Hello'), { to: { lid: '123' } })).toThrow(
      expect.objectContaining({ code: 'no_address', fate: 'failed' }) as Error,
    );
  });

  it('quotes what it answers', () => {
    expect(written(text('Hello'), { replyTo: { waMessageId: 'wamid.1' } })).toMatchObject({ context: { message_id: 'wamid.1' } });
  });
});

describe('each type', () => {
  it('text', () => {
    expect(part({ type: 'text', text: { body: 'https://x.co', previewUrl: true } })).toEqual({
      body: 'https://x.co',
      preview_url: true,
    });
  });

  it('buttons', () => {
    const content = buttons({
      header: 'Order',
      footer: 'Thanks',
      buttons: [
        { id: ' yes ', title: 'Yes' },
        { id: 'no', title: 'No' },
      ],
    });
    expect(part(content)).toEqual({
      type: 'button',
      header: { type: 'text', text: 'Order' },
      body: { text: 'Right?' },
      footer: { text: 'Thanks' },
      action: {
        buttons: [
          { type: 'reply', reply: { id: 'yes', title: 'Yes' } },
          { type: 'reply', reply: { id: 'no', title: 'No' } },
        ],
      },
    });
  });

  it('list', () => {
    const sections = [
      { title: 'Food', rows: [{ id: 'rice', title: 'Rice', description: '5 kg' }] },
      { title: 'Soap', rows: rows(1) },
    ];
    expect(part(list({ header: 'Shop', sections }))).toEqual({
      type: 'list',
      header: { type: 'text', text: 'Shop' },
      body: { text: 'Choose' },
      action: {
        button: 'See',
        sections: [
          { title: 'Food', rows: [{ id: 'rice', title: 'Rice', description: '5 kg' }] },
          { title: 'Soap', rows: [{ id: 'r0', title: 'Row 0' }] },
        ],
      },
    });
  });

  it('location', () => {
    const location = { latitude: -17.8, longitude: 31, name: 'Shop', address: '' };
    expect(part({ type: 'location', location })).toEqual({ latitude: -17.8, longitude: 31, name: 'Shop' });
  });

  it('a link', () => {
    const link = { body: 'Track it', button: 'Open', url: 'https://soko.example.com/track/1' };
    expect(part({ type: 'link', link })).toEqual({
      type: 'cta_url',
      body: { text: 'Track it' },
      action: { name: 'cta_url', parameters: { display_text: 'Open', url: 'https://soko.example.com/track/1' } },
    });
  });

  it('files, by id or by link; audio and stickers have no caption', () => {
    expect(part({ type: 'image', image: { id: '1', caption: 'Rice' } })).toEqual({ id: '1', caption: 'Rice' });
    expect(part({ type: 'video', video: { link: 'https://x.co/v.mp4' } })).toEqual({ link: 'https://x.co/v.mp4' });
    expect(part({ type: 'audio', audio: { id: '1', caption: 'x', filename: 'x' } })).toEqual({ id: '1' });
    expect(part({ type: 'sticker', sticker: { id: '1', caption: 'x' } })).toEqual({ id: '1' });
    expect(part({ type: 'document', document: { id: '1', filename: 'bill.pdf', caption: 'Bill' } })).toEqual({
      id: '1',
      filename: 'bill.pdf',
      caption: 'Bill',
    });
  });

  it('contacts', () => {
    expect(part({ type: 'contacts', contacts: [{ name: 'Rudo', phones: ['+263771234567'] }] })).toEqual([
      {
        name: { formatted_name: 'Rudo', first_name: 'Rudo' },
        phones: [{ phone: '+263771234567', type: 'CELL', wa_id: '263771234567' }],
      },
    ]);
  });

  it('a reaction, which quotes nothing; without an emoji it is taken back', () => {
    const payload = written(
      { type: 'reaction', reaction: { waMessageId: 'wamid.1', emoji: '' } },
      { replyTo: { waMessageId: 'wamid.2' } },
    );
    expect(payload.reaction).toEqual({ message_id: 'wamid.1', emoji: '' });
    expect(payload).not.toHaveProperty('context');
  });

  it('a template, with values by place', () => {
    const buttons = [{ index: 1, kind: 'url' as const, value: 'abc' }];
    expect(
      part({
        type: 'template',
        template: { name: 'order_ready', language: 'en_US', header: { values: ['42'] }, body: ['Rudo', 'a\nb'], buttons },
      }),
    ).toEqual({
      name: 'order_ready',
      language: { code: 'en_US' },
      components: [
        { type: 'header', parameters: [{ type: 'text', text: '42' }] },
        {
          type: 'body',
          parameters: [
            { type: 'text', text: 'Rudo' },
            { type: 'text', text: 'a b' },
          ],
        },
        { type: 'button', sub_type: 'url', index: '1', parameters: [{ type: 'text', text: 'abc' }] },
      ],
    });
  });

  it('a template, with values by name, a picture on top and every kind of button', () => {
    const template = {
      name: 'sale',
      language: 'en',
      header: { image: { id: '7' } },
      body: { name: 'Rudo' },
      buttons: [
        { index: 0, kind: 'quick_reply' as const, value: 'stop' },
        { index: 1, kind: 'copy_code' as const, value: 'SALE10' },
      ],
    };
    expect(part({ type: 'template', template })).toMatchObject({
      components: [
        { type: 'header', parameters: [{ type: 'image', image: { id: '7' } }] },
        { type: 'body', parameters: [{ type: 'text', parameter_name: 'name', text: 'Rudo' }] },
        { sub_type: 'quick_reply', parameters: [{ type: 'payload', payload: 'stop' }] },
        { sub_type: 'copy_code', parameters: [{ type: 'coupon_code', coupon_code: 'SALE10' }] },
      ],
    });
  });

  it('a template without values', () => {
    expect(part({ type: 'template', template: { name: 'hello', language: 'en' } })).toEqual({
      name: 'hello',
      language: { code: 'en' },
    });
  });
});

const long = (length: number) => 'x'.repeat(length);

/** At the limit, and one beyond it. */
const LIMITS: [what: string, max: number, content: (value: string) => CloudContent][] = [
  ['text.body', 4096, text],
  ['buttons.body', 1024, (body) => buttons({ body })],
  ['buttons.header', 60, (header) => buttons({ header })],
  ['buttons.footer', 60, (footer) => buttons({ footer })],
  ['buttons.buttons.id', 256, (id) => buttons({ buttons: [{ id, title: 'Yes' }] })],
  ['buttons.buttons.title', 20, (title) => buttons({ buttons: [{ id: 'yes', title }] })],
  ['list.body', 1024, (body) => list({ body })],
  ['list.button', 20, (button) => list({ button })],
  ['list.sections.title', 24, (title) => list({ sections: [{ title, rows: rows(1) }] })],
  ['list.sections.rows.id', 200, (id) => list({ sections: [{ rows: [{ id, title: 'Rice' }] }] })],
  ['list.sections.rows.title', 24, (title) => list({ sections: [{ rows: [{ id: 'rice', title }] }] })],
  [
    'list.sections.rows.description',
    72,
    (description) => list({ sections: [{ rows: [{ id: 'rice', title: 'Rice', description }] }] }),
  ],
  ['link.button', 20, (button) => ({ type: 'link', link: { body: 'x', button, url: 'https://x.co' } })],
  ['image.caption', 1024, (caption) => ({ type: 'image', image: { id: '1', caption } })],
  [
    'template.header',
    60,
    (value) => ({ type: 'template', template: { name: 'a', language: 'en', header: { values: [value] } } }),
  ],
  ['template.body', 1024, (value) => ({ type: 'template', template: { name: 'a', language: 'en', body: [value] } })],
];

describe('limits', () => {
  it.each(LIMITS)('%s takes %d characters, emoji as one each', (what, max, content) => {
    expect(() => written(content(long(max)))).not.toThrow();
    expect(() => written(content('🌽'.repeat(max)))).not.toThrow();
    const beyond = () => written(content(long(max + 1)));
    expect(beyond).toThrow(expect.objectContaining({ code: 'content_too_long', fate: 'failed' }) as Error);
    expect(beyond).toThrow(`${what} has ${max + 1} characters; WhatsApp takes ${max}`);
  });

  const WRONG: [string, CloudContent, string][] = [
    ['an empty text', text('  '), 'content_empty'],
    ['no buttons', buttons({ buttons: [] }), 'content_count'],
    ['four buttons', buttons({ buttons: rows(4) }), 'content_count'],
    ['a button whose id is spaces', buttons({ buttons: [{ id: '  ', title: 'Yes' }] }), 'content_empty'],
    [
      'two ids that are the same once trimmed',
      buttons({
        buttons: [
          { id: 'a', title: 'A' },
          { id: 'a ', title: 'B' },
        ],
      }),
      'content_not_unique',
    ],
    [
      'two titles that are the same',
      buttons({
        buttons: [
          { id: 'a', title: 'A' },
          { id: 'b', title: 'A' },
        ],
      }),
      'content_not_unique',
    ],
    [
      'eleven rows',
      list({
        sections: [
          { title: 'A', rows: rows(6) },
          { title: 'B', rows: rows(5, 6) },
        ],
      }),
      'content_count',
    ],
    ['eleven sections', list({ sections: Array.from({ length: 11 }, () => ({ title: 'A', rows: [] })) }), 'content_count'],
    [
      'two sections, one without a title',
      list({ sections: [{ title: 'A', rows: rows(1) }, { rows: rows(1, 1) }] }),
      'content_empty',
    ],
    ['a row twice', list({ sections: [{ rows: [...rows(1), ...rows(1)] }] }), 'content_not_unique'],
    [
      'six contacts',
      { type: 'contacts', contacts: Array.from({ length: 6 }, () => ({ name: 'R', phones: [] })) },
      'content_count',
    ],
    ['a link that is none', { type: 'link', link: { body: 'x', button: 'y', url: 'javascript:alert(1)' } }, 'content_invalid'],
    ['a template with a bad name', { type: 'template', template: { name: 'Order Ready', language: 'en' } }, 'content_invalid'],
    [
      'a header of two values',
      { type: 'template', template: { name: 'a', language: 'en', header: { values: ['1', '2'] } } },
      'content_count',
    ],
    ['a type that nobody knows', { type: 'poll' } as unknown as CloudContent, 'content_unsupported'],
  ];
  it.each(WRONG)('%s is refused before a call', (_, content, code) => {
    expect(() => written(content)).toThrow(ContentError);
    expect(() => written(content)).toThrow(expect.objectContaining({ code, fate: 'failed' }) as Error);
  });

  it('ten rows in ten sections are fine', () => {
    const sections = Array.from({ length: 10 }, (_, n) => ({ title: `S${n}`, rows: rows(1, n) }));
    expect(() => written(list({ sections }))).not.toThrow();
  });
});

test('a message is marked as read, with or without that we type', () => {
  expect(readPayload('wamid.1', false)).toEqual({ messaging_product: 'whatsapp', status: 'read', message_id: 'wamid.1' });
  expect(readPayload('wamid.1', true)).toMatchObject({ typing_indicator: { type: 'text' } });
});
