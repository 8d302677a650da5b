import type { OutboundContent } from '@soko/contracts';
import type { ClaimedSend } from '@soko/messaging';
import type { proto } from '@whiskeysockets/baileys';
import { numberedText } from './numbered-text.js';

/** What is written, or a file that lies with WhatsApp already. */
export type Written = Exclude<OutboundContent, { type: 'media' }> | { type: 'media'; file: proto.IMessage };

/** A message of ours as WhatsApp Web carries it. The same content gives the same message: what a retry asks for is made anew. */
export function toProto(content: Written, replyTo: ClaimedSend['replyTo'] = null, peer?: string): proto.IMessage {
  const contextInfo = replyTo
    ? {
        stanzaId: replyTo.waMessageId,
        ...(replyTo.fromUs ? {} : { participant: peer }),
        quotedMessage: { conversation: replyTo.text },
      }
    : undefined;
  if (content.type === 'location') {
    const { latitude, longitude, name, address } = content.location;
    return { locationMessage: { degreesLatitude: latitude, degreesLongitude: longitude, name, address, contextInfo } };
  }
  if ('file' in content) {
    const [[kind, part]] = Object.entries(content.file) as [[string, object]];
    return { [kind]: { ...part, contextInfo } };
  }
  const text = numberedText(content);
  return contextInfo ? { extendedTextMessage: { text, contextInfo } } : { conversation: text };
}
