import { proto, type WAMessageKey } from '@whiskeysockets/baileys';
import { describe, expect, it } from 'vitest';
import { itemsOf } from './baileys-inbound.js';

const KEY: WAMessageKey = { id: 'ABC', remoteJid: '263771234567@s.whatsapp.net', fromMe: false };
const PHONE = { phone: '+263771234567' };
const read = (message: proto.IMessage, key: Partial<WAMessageKey> = {}) =>
  itemsOf({ key: { ...KEY, ...key }, message, pushName: 'Rudo' });
const contentOf = (message: proto.IMessage) => {
  const [item] = read(message);
  return item && 'message' in item ? item.message.content : undefined;
};
const context = { contextInfo: { stanzaId: 'QUOTED' } };

describe('who wrote', () => {
  it.each([
    ['263771234567@s.whatsapp.net', undefined, PHONE],
    ['263771234567:4@s.whatsapp.net', undefined, PHONE],
    ['99887766@lid', '263771234567@s.whatsapp.net', { ...PHONE, lid: '99887766' }],
    ['263771234567@s.whatsapp.net', '99887766@lid', { ...PHONE, lid: '99887766' }],
    ['99887766@lid', undefined, { lid: '99887766' }],
    ['100@s.whatsapp.net', undefined, { phone: '+100' }],
  ])('%s (%s)', (remoteJid, remoteJidAlt, from) => {
    expect(read({ conversation: 'Hi' }, { remoteJid, remoteJidAlt })).toEqual([
      { message: { waMessageId: 'ABC', from, name: 'Rudo', content: { type: 'text', text: { body: 'Hi' } } } },
    ]);
  });

  it.each(['12345-678@g.us', 'status@broadcast', '1@newsletter'])('%s is no customer', (remoteJid) => {
    expect(read({ conversation: 'Hi' }, { remoteJid })).toEqual([]);
  });

  it('what the merchant wrote on the phone is ours, to the customer', () => {
    const message = { deviceSentMessage: { destinationJid: KEY.remoteJid, message: { conversation: 'On my way' } } };
    expect(read(message, { fromMe: true })).toEqual([
      { sentElsewhere: { waMessageId: 'ABC', from: PHONE, content: { type: 'text', text: { body: 'On my way' } } } },
    ]);
  });
});

describe('what was written', () => {
  it.each([
    ['conversation', { conversation: 'Hi' }, { type: 'text', text: { body: 'Hi' } }],
    ['extended text', { extendedTextMessage: { text: 'Hi' } }, { type: 'text', text: { body: 'Hi' } }],
    ['disappearing', { ephemeralMessage: { message: { conversation: 'Hi' } } }, { type: 'text', text: { body: 'Hi' } }],
    [
      'button',
      { buttonsResponseMessage: { selectedButtonId: 'yes', selectedDisplayText: 'Yes' } },
      { type: 'reply', reply: { id: 'yes', title: 'Yes' } },
    ],
    [
      'list',
      { listResponseMessage: { title: 'Rice', singleSelectReply: { selectedRowId: 'rice' } } },
      { type: 'reply', reply: { id: 'rice', title: 'Rice' } },
    ],
    [
      'template button',
      { templateButtonReplyMessage: { selectedId: 'no', selectedDisplayText: 'No' } },
      { type: 'reply', reply: { id: 'no', title: 'No' } },
    ],
    [
      'native flow',
      {
        interactiveResponseMessage: {
          nativeFlowResponseMessage: { name: 'quick_reply', paramsJson: '{"id":"yes","display_text":"Yes"}' },
        },
      },
      { type: 'reply', reply: { id: 'yes', title: 'Yes' } },
    ],
    [
      'native flow that is no JSON',
      { interactiveResponseMessage: { nativeFlowResponseMessage: { name: 'x', paramsJson: '{' } } },
      { type: 'unsupported', unsupported: { what: 'interactiveResponseMessage' } },
    ],
    [
      'location',
      { locationMessage: { degreesLatitude: -17.8, degreesLongitude: 31, name: 'Market' } },
      { type: 'location', location: { latitude: -17.8, longitude: 31, name: 'Market' } },
    ],
    [
      'live location',
      { liveLocationMessage: { degreesLatitude: 0, degreesLongitude: 0 } },
      { type: 'location', location: { latitude: 0, longitude: 0 } },
    ],
    [
      'contact',
      { contactMessage: { displayName: 'Tendai', vcard: 'BEGIN:VCARD\nTEL;waid=1:+263 77 123\nEND:VCARD' } },
      { type: 'contacts', contacts: [{ name: 'Tendai', phones: ['+263 77 123'] }] },
    ],
    ['order', { orderMessage: { orderTitle: 'Basket', itemCount: 2 } }, { type: 'order', order: { items: [], text: 'Basket' } }],
    ['poll', { pollCreationMessage: { name: 'x' } }, { type: 'unsupported', unsupported: { what: 'pollCreationMessage' } }],
  ] as [string, proto.IMessage, object][])('%s', (_, message, content) => {
    expect(contentOf(message)).toEqual(content);
    // As it comes from the wire, with all that a decoder adds.
    expect(contentOf(proto.Message.decode(proto.Message.encode(proto.Message.fromObject(message)).finish()))).toEqual(content);
  });

  it('a photo: what it says, and where it is kept', () => {
    const [item] = read({
      imageMessage: {
        caption: 'My house',
        mimetype: 'image/jpeg',
        url: 'https://mmg.example/x',
        mediaKey: Buffer.from('key'),
        fileLength: 12,
      },
    });
    expect(item).toMatchObject({
      message: {
        content: { type: 'image', image: { caption: 'My house', mimeType: 'image/jpeg' } },
        media: { kind: 'image', url: 'https://mmg.example/x', mediaKey: Buffer.from('key').toString('base64'), size: 12 },
      },
    });
  });

  it('an answer names what it answers', () => {
    expect(read({ extendedTextMessage: { text: 'That one', ...context } })).toMatchObject([{ message: { replyTo: 'QUOTED' } }]);
  });

  it.each([
    ['protocol', { protocolMessage: { type: 0 } }],
    ['reaction', { reactionMessage: { text: '👍' } }],
    ['keys of a group', { senderKeyDistributionMessage: { groupId: 'x' } }],
    ['nothing', {}],
  ] as [string, proto.IMessage][])('%s is nothing that a customer says', (_, message) => {
    expect(read(message)).toEqual([]);
  });
});
