import { proto } from '@whiskeysockets/baileys';

/** What a customer writes or taps. */
export type Content =
  | { text: string; quoted?: { id: string } }
  | { buttonReply: { id: string; title: string } }
  | { listReply: { id: string; title: string } }
  | { templateReply: { id: string; title: string } }
  | { flowReply: { id: string; title?: string } }
  | { location: { latitude: number; longitude: number; name?: string; address?: string } }
  | { image: Omit<OwnFile, 'kind'> }
  | { file: OwnFile }
  | { reaction: { id: string; emoji: string } }
  | { message: proto.IMessage };

/** A file on the customer's phone. */
export interface OwnFile {
  kind: 'image' | 'video' | 'audio' | 'document' | 'sticker';
  bytes: Uint8Array;
  caption?: string;
  mimetype?: string;
  /** Of a document. */
  fileName?: string;
}

/** Puts a file where the device can fetch it, and says where that is. */
export type Publish = (file: OwnFile) => Promise<object>;

/** @param publish puts a file where the device can fetch it. @param chat the jid of the account that is written to. */
export async function toMessage(content: Content, publish: Publish, chat: string): Promise<proto.IMessage> {
  if ('message' in content) return content.message;
  if ('text' in content) return textMessage(content);
  if ('buttonReply' in content) {
    const { id, title } = content.buttonReply;
    const { Type } = proto.Message.ButtonsResponseMessage;
    return { buttonsResponseMessage: { selectedButtonId: id, selectedDisplayText: title, type: Type.DISPLAY_TEXT } };
  }
  if ('listReply' in content) {
    const { id, title } = content.listReply;
    const { ListType } = proto.Message.ListResponseMessage;
    return { listResponseMessage: { title, listType: ListType.SINGLE_SELECT, singleSelectReply: { selectedRowId: id } } };
  }
  if ('templateReply' in content) {
    const { id, title } = content.templateReply;
    return { templateButtonReplyMessage: { selectedId: id, selectedDisplayText: title, selectedIndex: 0 } };
  }
  if ('flowReply' in content) {
    const { id, title = '' } = content.flowReply;
    const paramsJson = JSON.stringify({ id });
    return {
      interactiveResponseMessage: {
        body: { text: title },
        nativeFlowResponseMessage: { name: 'menu_options', paramsJson, version: 1 },
      },
    };
  }
  if ('location' in content) {
    const { latitude, longitude, name, address } = content.location;
    return { locationMessage: { degreesLatitude: latitude, degreesLongitude: longitude, name, address } };
  }
  if ('reaction' in content) {
    const { id, emoji } = content.reaction;
    // From the sender's side: the message reacted to is the account's own, so not `fromMe` here.
    return { reactionMessage: { key: { remoteJid: chat, fromMe: false, id }, text: emoji, senderTimestampMs: Date.now() } };
  }
  const file = 'file' in content ? content.file : { ...content.image, kind: 'image' as const };
  return { [`${file.kind}Message`]: await publish(file) };
}

function textMessage({ text, quoted }: { text: string; quoted?: { id: string } }): proto.IMessage {
  if (!quoted) return { conversation: text };
  return { extendedTextMessage: { text, contextInfo: { stanzaId: quoted.id, quotedMessage: { conversation: '' } } } };
}

/** What a person reads on the screen, or nothing for what shows no text. */
export function textOf(message: proto.IMessage): string | undefined {
  const inner = message.ephemeralMessage?.message ?? message.viewOnceMessage?.message ?? message;
  return (
    inner.conversation ??
    inner.extendedTextMessage?.text ??
    inner.imageMessage?.caption ??
    inner.videoMessage?.caption ??
    inner.documentMessage?.caption ??
    inner.documentWithCaptionMessage?.message?.documentMessage?.caption ??
    inner.interactiveMessage?.body?.text ??
    inner.buttonsMessage?.contentText ??
    inner.listMessage?.description ??
    undefined
  );
}
