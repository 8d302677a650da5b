import type {
  ButtonsContent,
  CloudTemplate,
  ListContent,
  LocationContent,
  MediaKind,
  OutboundContent,
  SharedContact,
  TextContent,
} from '@soko/contracts';
import type { ContactAddress } from '@soko/messaging';
import { TransportError } from '../transport.js';
import { templatePayload } from './cloud-template.js';
import { atMost, ContentError, counted, distinct } from './content-limits.js';

/* Shapes and limits: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages */

/** A file by the id that Meta gave it at its upload, or by a public link. */
export type CloudFile = ({ id: string } | { link: string }) & { caption?: string; filename?: string };

/** A text with one button that opens a page. */
export interface LinkContent {
  header?: string;
  body: string;
  footer?: string;
  button: string;
  url: string;
}

/** Everything that this adapter can write: what the house sends, and what Meta takes besides. */
export type CloudContent =
  | OutboundContent
  | { type: 'image'; image: CloudFile }
  | { type: 'video'; video: CloudFile }
  | { type: 'audio'; audio: CloudFile }
  | { type: 'document'; document: CloudFile }
  | { type: 'sticker'; sticker: CloudFile }
  | { type: 'contacts'; contacts: SharedContact[] }
  /** An empty emoji takes the reaction back. */
  | { type: 'reaction'; reaction: { waMessageId: string; emoji: string } }
  | { type: 'link'; link: LinkContent }
  | { type: 'template'; template: CloudTemplate };

export interface CloudSend {
  messageId: string;
  to: ContactAddress;
  content: CloudContent;
  replyTo: { waMessageId: string } | null;
}

/** The body of `POST /{phone-number-id}/messages`. @throws TransportError (`failed`) for what Meta would not take */
export function messagePayload({ messageId, to, content, replyTo }: CloudSend): object {
  return {
    ...contentPayload(content),
    ...recipient(to),
    // A reaction names its message itself.
    ...(replyTo && content.type !== 'reaction' ? { context: { message_id: replyTo.waMessageId } } : {}),
    // Comes back with each status: what tells an ambiguous send's fate.
    biz_opaque_callback_data: messageId,
  };
}

/** The part of it that says what, and not to whom. @throws TransportError (`failed`) for what Meta would not take */
export const contentPayload = (content: CloudContent): object => ({
  messaging_product: 'whatsapp',
  recipient_type: 'individual',
  ...part(content),
});

/** Shows a message, and all before it, as read; and for up to 25 s that an answer is being written. */
export const readPayload = (waMessageId: string, typing: boolean): object => ({
  messaging_product: 'whatsapp',
  status: 'read',
  message_id: waMessageId,
  ...(typing ? { typing_indicator: { type: 'text' } } : {}),
});

function recipient({ phone, userId }: ContactAddress): { to: string } | { recipient: string } {
  if (phone) return { to: phone.replaceAll(/\D/g, '') };
  if (userId) return { recipient: userId };
  throw new TransportError('no_address', 'The customer has neither a number nor a user id that the Cloud API knows.', 'failed');
}

function part(content: CloudContent): object {
  switch (content.type) {
    case 'text':
      return { type: 'text', text: text(content.text) };
    case 'buttons':
      return { type: 'interactive', interactive: buttons(content.buttons) };
    case 'list':
      return { type: 'interactive', interactive: list(content.list) };
    case 'link':
      return { type: 'interactive', interactive: link(content.link) };
    case 'location':
      return { type: 'location', location: location(content.location) };
    case 'image':
      return { type: 'image', image: file('image', content.image) };
    case 'video':
      return { type: 'video', video: file('video', content.video) };
    case 'audio':
      return { type: 'audio', audio: file('audio', content.audio) };
    case 'document':
      return { type: 'document', document: file('document', content.document) };
    case 'sticker':
      return { type: 'sticker', sticker: file('sticker', content.sticker) };
    case 'contacts':
      return { type: 'contacts', contacts: contacts(content.contacts) };
    case 'reaction':
      return { type: 'reaction', reaction: { message_id: content.reaction.waMessageId, emoji: content.reaction.emoji } };
    case 'template':
      return { type: 'template', template: templatePayload(content.template) };
    default:
      throw new ContentError(
        'content_unsupported',
        `messages of type ${(content as { type: string }).type} cannot be sent by the Cloud API`,
      );
  }
}

const text = ({ body, previewUrl }: TextContent): object => ({
  body: atMost('text.body', body, 4096),
  ...(previewUrl === undefined ? {} : { preview_url: previewUrl }),
});

interface Framed {
  header?: string;
  body: string;
  footer?: string;
}
const framed = (of: string, { header, body, footer }: Framed): object => ({
  ...(header === undefined ? {} : { header: { type: 'text', text: atMost(`${of}.header`, header, 60) } }),
  body: { text: atMost(`${of}.body`, body, 1024) },
  ...(footer === undefined ? {} : { footer: { text: atMost(`${of}.footer`, footer, 60) } }),
});

function buttons(content: ButtonsContent): object {
  const replies = counted('buttons.buttons', content.buttons, 1, 3).map(({ id, title }) => ({
    // Meta refuses spaces around it.
    id: atMost('buttons.buttons.id', id.trim(), 256),
    title: atMost('buttons.buttons.title', title, 20),
  }));
  distinct(
    'buttons.buttons.id',
    replies.map(({ id }) => id),
  );
  distinct(
    'buttons.buttons.title',
    replies.map(({ title }) => title),
  );
  const action = { buttons: replies.map((reply) => ({ type: 'reply', reply })) };
  return { type: 'button', ...framed('buttons', content), action };
}

function list(content: ListContent): object {
  const sections = counted('list.sections', content.sections, 1, 10).map(({ title, rows }) => ({
    // One section may do without a title; several may not.
    ...(title === undefined && content.sections.length === 1 ? {} : { title: atMost('list.sections.title', title ?? '', 24) }),
    rows: counted('list.sections.rows', rows, 1, 10).map(({ id, title: name, description }) => ({
      id: atMost('list.sections.rows.id', id, 200),
      title: atMost('list.sections.rows.title', name, 24),
      ...(description ? { description: atMost('list.sections.rows.description', description, 72) } : {}),
    })),
  }));
  const rows = counted(
    'rows of all sections',
    sections.flatMap((section) => section.rows),
    1,
    10,
  );
  distinct(
    'list.sections.rows.id',
    rows.map(({ id }) => id),
  );
  return { type: 'list', ...framed('list', content), action: { button: atMost('list.button', content.button, 20), sections } };
}

function link(content: LinkContent): object {
  if (!/^https?:\/\/\S+$/.test(content.url)) throw new ContentError('content_invalid', 'link.url must be a URL');
  const parameters = { display_text: atMost('link.button', content.button, 20), url: atMost('link.url', content.url, 2000) };
  return { type: 'cta_url', ...framed('link', content), action: { name: 'cta_url', parameters } };
}

const location = ({ latitude, longitude, name, address }: LocationContent): object => ({
  latitude,
  longitude,
  ...(name ? { name: atMost('location.name', name, 1000) } : {}),
  ...(address ? { address: atMost('location.address', address, 1000) } : {}),
});

function file(kind: MediaKind, given: CloudFile): object {
  const { caption, filename } = given;
  return {
    ...('id' in given ? { id: given.id } : { link: given.link }),
    // Voice messages and stickers have none.
    ...(caption && kind !== 'audio' && kind !== 'sticker' ? { caption: atMost(`${kind}.caption`, caption, 1024) } : {}),
    ...(filename && kind === 'document' ? { filename: atMost('document.filename', filename, 240) } : {}),
  };
}

const contacts = (given: SharedContact[]): object[] =>
  counted('contacts', given, 1, 5).map(({ name, phones }) => ({
    name: { formatted_name: atMost('contacts.name', name, 1000), first_name: name },
    phones: phones.map((phone) => ({ phone, type: 'CELL', wa_id: phone.replaceAll(/\D/g, '') })),
  }));
