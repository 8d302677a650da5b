import { type Fields, fields, INVALID_VALUE, list, oneOf, optionalText, text, unique, url } from './checks.js';
import { refuse } from './graph-error.js';

/** What the rules must know of the number that sends. */
export interface Known {
  /** Type of an uploaded file that has not expired. */
  mimeType(mediaId: string): string | undefined;
  /** Whether a message of this number's conversations has this id. */
  message(wamid: string): boolean;
}

/** A send that keeps Meta's rules, apart from those of its template. */
export interface OutgoingMessage {
  type: MessageType;
  /** Digits, or undefined for a recipient by user id. */
  to?: string;
  userId?: string;
  /** What stands under the type's name. */
  payload: Fields | unknown[];
  callbackData?: string;
  /** The message that this one quotes. */
  context?: string;
}

const MEDIA = ['image', 'video', 'audio', 'document', 'sticker'] as const;
type MediaType = (typeof MEDIA)[number];
const TYPES = ['text', ...MEDIA, 'interactive', 'location', 'contacts', 'reaction', 'template'] as const;
export type MessageType = (typeof TYPES)[number];

/** What can be sent under each type: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media */
export const MIME_TYPES: Record<MediaType, RegExp> = {
  image: /^image\/(jpeg|png)$/,
  video: /^video\/(mp4|3gpp)$/,
  audio: /^audio\/(aac|amr|mpeg|mp4|ogg)(;.*)?$/,
  document: /^(text\/plain|application\/(pdf|msword|vnd\.ms-(excel|powerpoint)|vnd\.openxmlformats-officedocument\..*))$/,
  sticker: /^image\/webp$/,
};

/** The body of `POST /{phone-number-id}/messages`, checked as far as it says itself. @throws GraphError */
export function checkMessage(body: Fields, known: Known): OutgoingMessage {
  if (body.messaging_product !== 'whatsapp') refuse('The parameter messaging_product is required.');
  if (body.recipient_type !== undefined) oneOf(body.recipient_type, 'recipient_type', ['individual']);
  const type = body.type === undefined ? 'text' : oneOf(body.type, 'type', TYPES);
  const payload = type === 'contacts' ? list(body.contacts, 'contacts', 1, 5) : fields(body[type], type);
  CHECKS[type](payload as Fields, type, known);
  return {
    type,
    ...recipient(body),
    payload,
    callbackData: optionalText(body.biz_opaque_callback_data, 'biz_opaque_callback_data', 512),
    context: body.context === undefined ? undefined : quoted(body.context),
  };
}

/** `to` wins over `recipient`, as it does with Meta. */
function recipient(body: Fields): { to: string } | { userId: string } {
  if (body.to === undefined && body.recipient !== undefined) {
    const userId = text(body.recipient, 'recipient', 150);
    if (!/^[A-Z]{2}\.[A-Za-z0-9.]+$/.test(userId)) refuse('Param recipient must be a user id.');
    return { userId };
  }
  const to = text(body.to, 'to', 30).replaceAll(/[\s()+-]/g, '');
  if (!/^\d{5,15}$/.test(to)) refuse('Param to must be a valid WhatsApp phone number.', INVALID_VALUE);
  return { to };
}

const quoted = (value: unknown): string =>
  text(fields(value, 'context', ['message_id']).message_id, "context['message_id']", 200);

type Check = (payload: Fields, path: string, known: Known) => void;

const media: Check = (payload, path, known) => {
  const type = path.slice(path.lastIndexOf('.') + 1) as MediaType;
  const caption = type === 'image' || type === 'video' || type === 'document' ? ['caption'] : [];
  fields(payload, path, ['id', 'link', ...caption, ...(type === 'document' ? ['filename'] : [])]);
  if ((payload.id === undefined) === (payload.link === undefined)) refuse(`Param ${path} must have one of id and link.`);
  optionalText(payload.caption, `${path}['caption']`, 1024);
  optionalText(payload.filename, `${path}['filename']`, 240);
  if (payload.id === undefined) {
    url(payload.link, `${path}['link']`);
    return;
  }
  const mimeType = known.mimeType(text(payload.id, `${path}['id']`, 100));
  if (!mimeType) refuse(`Param ${path}['id'] is not a valid whatsapp business account media attachment ID`);
  if (!MIME_TYPES[type].test(mimeType)) refuse(`${path}: ${mimeType} cannot be sent as ${type}`, 131053);
};

const CHECKS: Record<MessageType, Check> = {
  text: (payload, path) => {
    fields(payload, path, ['body', 'preview_url']);
    text(payload.body, "text['body']", 4096);
    if (payload.preview_url !== undefined && typeof payload.preview_url !== 'boolean') {
      refuse("Param text['preview_url'] must be a boolean.");
    }
  },
  image: media,
  video: media,
  audio: media,
  document: media,
  sticker: media,
  location: (payload, path) => {
    fields(payload, path, ['latitude', 'longitude', 'name', 'address']);
    degrees(payload.latitude, "location['latitude']", 90);
    degrees(payload.longitude, "location['longitude']", 180);
    optionalText(payload.name, "location['name']", 1000);
    optionalText(payload.address, "location['address']", 1000);
  },
  contacts: (payload) => {
    for (const contact of payload as unknown as unknown[]) {
      const known = ['name', 'phones', 'addresses', 'birthday', 'emails', 'org', 'urls'];
      const { name, phones } = fields(contact, 'contacts', known);
      text(fields(name, "contacts['name']").formatted_name, "contacts['name']['formatted_name']", 1000);
      for (const phone of phones === undefined ? [] : list(phones, "contacts['phones']", 0, 20)) {
        text(fields(phone, "contacts['phones']", ['phone', 'type', 'wa_id']).phone, "contacts['phones']['phone']", 50);
      }
    }
  },
  reaction: (payload, path, known) => {
    fields(payload, path, ['message_id', 'emoji']);
    const id = text(payload.message_id, "reaction['message_id']", 200);
    if (!known.message(id)) refuse(`reaction: there is no message ${id}`, INVALID_VALUE);
    const emoji = text(payload.emoji, "reaction['emoji']", 30, { min: 0, code: INVALID_VALUE });
    if (emoji !== '' && ([...new Intl.Segmenter().segment(emoji)].length > 1 || !/\p{Emoji}/u.test(emoji))) {
      refuse('reaction: emoji must be one emoji', INVALID_VALUE);
    }
  },
  template: (payload, path) => {
    fields(payload, path, ['name', 'language', 'components']);
    text(payload.name, "template['name']", 512);
    const language = fields(payload.language, "template['language']", ['code', 'policy']);
    text(language.code, "template['language']['code']", 20);
  },
  interactive: (payload, path, known) => {
    fields(payload, path, ['type', 'header', 'body', 'footer', 'action']);
    const type = oneOf(payload.type, "interactive['type']", ['button', 'list', 'cta_url']);
    value(fields(payload.body, "interactive['body']", ['text']).text, "interactive['body']['text']", 1024);
    if (payload.footer !== undefined) {
      value(fields(payload.footer, "interactive['footer']", ['text']).text, "interactive['footer']['text']", 60);
    }
    if (payload.header !== undefined) header(payload.header, type, known);
    ACTIONS[type](fields(payload.action, "interactive['action']"));
  },
};

function header(value_: unknown, type: string, known: Known): void {
  const path = "interactive['header']";
  const allowed = type === 'list' ? (['text'] as const) : (['text', 'image', 'video', 'document'] as const);
  const kind = oneOf(fields(value_, path).type, `${path}['type']`, allowed, INVALID_VALUE);
  const found = fields(value_, path, ['type', kind]);
  if (kind === 'text') value(found.text, `${path}['text']`, 60);
  else media(fields(found[kind], `${path}.${kind}`, ['id', 'link', 'filename']), `${path}.${kind}`, known);
}

const ACTIONS: Record<'button' | 'list' | 'cta_url', (action: Fields) => void> = {
  button: (action) => {
    const path = "interactive['action']['buttons']";
    fields(action, "interactive['action']", ['buttons']);
    const replies = list(action.buttons, path, 1, 3, INVALID_VALUE).map((button) => {
      const { type, reply } = fields(button, path, ['type', 'reply']);
      oneOf(type, `${path}['type']`, ['reply'], INVALID_VALUE);
      const { id, title } = fields(reply, `${path}['reply']`, ['id', 'title']);
      return { id: trimmed(id, `${path}['reply']['id']`, 256), title: value(title, `${path}['reply']['title']`, 20) };
    });
    uniqueValues(replies, 'id', path);
    uniqueValues(replies, 'title', path);
  },
  list: (action) => {
    const path = "interactive['action']['sections']";
    fields(action, "interactive['action']", ['button', 'sections']);
    value(action.button, "interactive['action']['button']", 20);
    const sections = list(action.sections, path, 1, 10, INVALID_VALUE);
    const rows = sections.flatMap((section) => {
      const { title, rows: own } = fields(section, path, ['title', 'rows']);
      // One section may do without a title, several may not.
      if (title !== undefined || sections.length > 1) value(title, `${path}['title']`, 24);
      return list(own, `${path}['rows']`, 1, 10, INVALID_VALUE).map((row) => {
        const found = fields(row, `${path}['rows']`, ['id', 'title', 'description']);
        value(found.title, `${path}['rows']['title']`, 24);
        optionalText(found.description, `${path}['rows']['description']`, 72, INVALID_VALUE);
        return { id: value(found.id, `${path}['rows']['id']`, 200) };
      });
    });
    list(rows, 'Total row count', 1, 10, INVALID_VALUE);
    uniqueValues(rows, 'id', path);
  },
  cta_url: (action) => {
    fields(action, "interactive['action']", ['name', 'parameters']);
    oneOf(action.name, "interactive['action']['name']", ['cta_url'], INVALID_VALUE);
    const path = "interactive['action']['parameters']";
    const parameters = fields(action.parameters, path, ['display_text', 'url']);
    value(parameters.display_text, `${path}['display_text']`, 20);
    url(parameters.url, `${path}['url']`, INVALID_VALUE);
  },
};

const value = (given: unknown, path: string, max: number): string => text(given, path, max, { code: INVALID_VALUE });

function trimmed(given: unknown, path: string, max: number): string {
  const found = value(given, path, max);
  if (found !== found.trim()) refuse(`${path}: cannot have leading or trailing spaces.`, INVALID_VALUE);
  return found;
}

const uniqueValues = <K extends string>(items: Record<K, string>[], key: K, path: string): void =>
  unique(
    items.map((item) => item[key]),
    `${path}['${key}']`,
    INVALID_VALUE,
  );

function degrees(given: unknown, path: string, max: number): void {
  const number = typeof given === 'string' && given.trim() !== '' ? Number(given) : given;
  if (typeof number !== 'number' || !(Math.abs(number) <= max)) refuse(`Param ${path} must be a number up to ${max}.`);
}

/** The words in it that a person reads, for tests that only look at those. */
export function textOf({ type, payload }: Pick<OutgoingMessage, 'type' | 'payload'>): string {
  if (type === 'contacts') {
    return (payload as { name: { formatted_name: string } }[]).map((contact) => contact.name.formatted_name).join(', ');
  }
  const found = payload as { body?: string | { text: string }; caption?: string; emoji?: string; name?: string };
  if (type === 'template') return found.name ?? '';
  const words = typeof found.body === 'object' ? found.body.text : found.body;
  return words ?? found.caption ?? found.emoji ?? found.name ?? '';
}
