import { normalisePhone } from '@soko/common';
import { type InboundContent, MEDIA_KINDS, type MediaKind } from '@soko/contracts';
import type { ContactAddress, Incoming } from '@soko/messaging';
import { isLidUser, isPnUser, jidDecode, normalizeMessageContent, type proto, type WAMessageKey } from '@whiskeysockets/baileys';
import type { InboundItem } from '../inbound/inbound-item.js';

/** What came with a stanza, decrypted. */
export interface Arrival {
  key: WAMessageKey;
  /** Nothing when nobody could read it. */
  message?: proto.IMessage;
  pushName?: string | null;
}

/**
 * What a decrypted message is to us; nothing for those that only keep devices in step. Edits and deletions change nothing that was
 * answered already; reactions ask for no answer.
 */
export function itemsOf({ key, message, pushName }: Arrival): InboundItem[] {
  const from = addressOf(key);
  const sent = message && normalizeMessageContent(message.deviceSentMessage?.message ?? message);
  if (!message && from && key.id) return [placeholder(key.id, from, pushName)];
  if (!from || !key.id || !sent) return [];
  const read = contentOf(sent);
  if (!read) return [];
  const incoming: Incoming = { waMessageId: key.id, from, content: read.content };
  if (read.media) incoming.media = read.media;
  if (read.quoted) incoming.replyTo = read.quoted;
  if (key.fromMe) return [{ sentElsewhere: incoming }];
  if (pushName) incoming.name = pushName;
  return [{ message: incoming }];
}

/** Filled in by the store when the content comes. */
const placeholder = (waMessageId: string, from: ContactAddress, name?: string | null): InboundItem => ({
  message: { waMessageId, from, ...(name ? { name } : {}), content: unsupported('undecryptable') },
});

/** The customer of a one-to-one chat, by number and by lid, whichever of them the stanza tells. */
export function addressOf({ remoteJid, remoteJidAlt }: WAMessageKey): ContactAddress | undefined {
  const address: ContactAddress = {};
  for (const jid of [remoteJid, remoteJidAlt]) {
    const user = jid && jidDecode(jid)?.user;
    if (!user) continue;
    if (isLidUser(jid)) address.lid = user;
    // A number that no numbering plan knows is a customer's all the same.
    if (isPnUser(jid)) address.phone = normalisePhone(user) ?? `+${user}`;
  }
  return address.phone || address.lid ? address : undefined;
}

interface Read {
  content: InboundContent;
  media?: object;
  quoted?: string;
}

/** Kinds of message that are nothing a customer says. */
const SILENT = [
  'protocolMessage',
  'reactionMessage',
  'encReactionMessage',
  'senderKeyDistributionMessage',
  'messageContextInfo',
  'keepInChatMessage',
  'pinInChatMessage',
  'pollUpdateMessage',
];

function contentOf(message: proto.IMessage): Read | undefined {
  const [kind] =
    Object.entries(message).find(([name, value]) => value !== null && value !== undefined && !SILENT.includes(name)) ?? [];
  if (!kind) return undefined;
  const quoted = (message[kind as keyof proto.IMessage] as { contextInfo?: proto.IContextInfo } | undefined)?.contextInfo
    ?.stanzaId;
  const read = textOf(message) ?? replyOf(message) ?? mediaOf(message) ?? otherOf(message) ?? { content: unsupported(kind) };
  return quoted ? { ...read, quoted } : read;
}

const unsupported = (what: string): InboundContent => ({ type: 'unsupported', unsupported: { what } });

function textOf(message: proto.IMessage): Read | undefined {
  const body = message.conversation ?? message.extendedTextMessage?.text;
  return body ? { content: { type: 'text', text: { body } } } : undefined;
}

/** Every way in which a tapped button or row can come back. */
function replyOf(message: proto.IMessage): Read | undefined {
  const { buttonsResponseMessage: button, listResponseMessage: list, templateButtonReplyMessage: template } = message;
  const native = message.interactiveResponseMessage?.nativeFlowResponseMessage?.paramsJson;
  if (button?.selectedButtonId) return reply(button.selectedButtonId, button.selectedDisplayText);
  if (list?.singleSelectReply?.selectedRowId) return reply(list.singleSelectReply.selectedRowId, list.title);
  if (template?.selectedId) return reply(template.selectedId, template.selectedDisplayText);
  if (!native) return undefined;
  try {
    const params = JSON.parse(native) as { id?: unknown; display_text?: unknown; title?: unknown };
    const title = params.display_text ?? params.title;
    return typeof params.id === 'string' ? reply(params.id, typeof title === 'string' ? title : undefined) : undefined;
  } catch {
    return undefined;
  }
}

const reply = (id: string, title?: string | null): Read => ({ content: { type: 'reply', reply: { id, title: title || id } } });

function mediaOf(message: proto.IMessage): Read | undefined {
  for (const kind of MEDIA_KINDS) {
    const part = message[`${kind}Message`];
    if (!part) continue;
    const { caption, fileName } = part as { caption?: string | null; fileName?: string | null };
    return {
      content: {
        type: kind,
        [kind]: {
          ...(part.mimetype ? { mimeType: part.mimetype } : {}),
          ...(caption ? { caption } : {}),
          ...(fileName ? { filename: fileName } : {}),
        },
      } as Extract<InboundContent, { type: MediaKind }>,
      media: referenceOf(kind, part),
    };
  }
  return undefined;
}

const base64 = (bytes?: Uint8Array | null): string | undefined => (bytes ? Buffer.from(bytes).toString('base64') : undefined);

/** All that is needed to fetch the file later; bytes as base64. */
function referenceOf(kind: MediaKind, part: NonNullable<proto.IMessage[`${MediaKind}Message`]>): object {
  return {
    kind,
    url: part.url ?? undefined,
    directPath: part.directPath ?? undefined,
    mediaKey: base64(part.mediaKey),
    fileSha256: base64(part.fileSha256),
    fileEncSha256: base64(part.fileEncSha256),
    size: part.fileLength ? Number(part.fileLength) : undefined,
  };
}

function otherOf(message: proto.IMessage): Read | undefined {
  const location = message.locationMessage ?? message.liveLocationMessage;
  if (typeof location?.degreesLatitude === 'number' && typeof location.degreesLongitude === 'number') {
    const { name, address } = location as proto.Message.ILocationMessage;
    return {
      content: {
        type: 'location',
        location: {
          latitude: location.degreesLatitude,
          longitude: location.degreesLongitude,
          ...(name ? { name } : {}),
          ...(address ? { address } : {}),
        },
      },
    };
  }
  const order = message.orderMessage;
  if (order) {
    const text = order.message || order.orderTitle || `An order of ${order.itemCount ?? 'some'} items`;
    return { content: { type: 'order', order: { items: [], text } } };
  }
  const cards = message.contactMessage ? [message.contactMessage] : message.contactsArrayMessage?.contacts;
  if (cards && cards.length > 0) return { content: { type: 'contacts', contacts: cards.map(cardOf) } };
  return undefined;
}

const cardOf = ({ displayName, vcard }: proto.Message.IContactMessage): { name: string; phones: string[] } => ({
  name: displayName ?? '',
  phones: [...(vcard ?? '').matchAll(/^TEL[^:\n]*:(.+)$/gim)].map(([, number]) => number!.trim()),
});
