import type { OutboundContent } from '@soko/contracts';
import type { ClaimedSend } from '@soko/messaging';
import type { proto } from '@whiskeysockets/baileys';
import { numberedText } from './numbered-text.js';

/** A message of ours as WhatsApp Web carries it. The same content gives the same message: what a retry asks for is made anew. */
export function toProto(content: OutboundContent, replyTo: ClaimedSend['replyTo'] = null, peer?: string): proto.IMessage {
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
  const text = numberedText(content);
  return contextInfo ? { extendedTextMessage: { text, contextInfo } } : { conversation: text };
}
