import { type AuthenticationCreds, type BinaryNode, encodeWAMessage, proto } from '@whiskeysockets/baileys';
import { expect, test } from 'vitest';
import { arrivalsOf, envelopeOf } from './baileys-arrivals.js';

const creds = { me: { id: '263771000000:1@s.whatsapp.net', lid: '555:1@lid' } } as AuthenticationCreds;
const lids = { getPNForLID: (lid: string) => Promise.resolve(lid === '777@lid' ? '263772222222@s.whatsapp.net' : null) };
const stanza = (attrs: Record<string, string>): BinaryNode => ({ tag: 'message', attrs: { id: 'A', t: '1', ...attrs } });
const arrivals = (attrs: Record<string, string>, message: proto.IMessage) =>
  arrivalsOf(stanza(attrs), encodeWAMessage(message), creds, lids);

test('a customer, by number or by lid', async () => {
  const hi = { conversation: 'Hi' };
  expect(await arrivals({ from: '263771234567@s.whatsapp.net', notify: 'Rudo' }, hi)).toMatchObject([
    { key: { remoteJid: '263771234567@s.whatsapp.net', fromMe: false, id: 'A' }, message: hi, pushName: 'Rudo' },
  ]);
  expect(await arrivals({ from: '777@lid' }, hi)).toMatchObject([
    { key: { remoteJid: '777@lid', remoteJidAlt: '263772222222@s.whatsapp.net' } },
  ]);
  expect(await arrivals({ from: '778@lid' }, hi)).toMatchObject([{ key: { remoteJid: '778@lid', remoteJidAlt: undefined } }]);
});

const sentAlong = (key: proto.IMessageKey): proto.IMessage => ({
  protocolMessage: {
    type: proto.Message.ProtocolMessage.Type.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE,
    peerDataOperationRequestResponseMessage: {
      peerDataOperationResult: [
        {
          placeholderMessageResendResponse: {
            webMessageInfoBytes: proto.WebMessageInfo.encode({
              key,
              message: { conversation: 'From the ad' },
              pushName: 'Rudo',
            }).finish(),
          },
        },
      ],
    },
  },
});

test('what came without content, and our own phone sends along later', async () => {
  const key = { id: 'AD', remoteJid: '777@lid', fromMe: false };
  const [, second, ...more] = await arrivals({ from: '263771000000@s.whatsapp.net', category: 'peer' }, sentAlong(key));
  expect(second).toMatchObject({
    key: { id: 'AD', remoteJidAlt: '263772222222@s.whatsapp.net' },
    message: { conversation: 'From the ad' },
    pushName: 'Rudo',
  });
  expect(more).toEqual([]);
});

test('a customer cannot put words into the mouth of another one', async () => {
  const key = { id: 'AD', remoteJid: '263773333333@s.whatsapp.net', fromMe: false };
  expect(await arrivals({ from: '263771234567@s.whatsapp.net' }, sentAlong(key))).toHaveLength(1);
});

test('a stanza from nowhere is nobody’s', () => {
  expect(envelopeOf({ tag: 'message', attrs: { id: 'A' } }, creds)).toBeUndefined();
});
