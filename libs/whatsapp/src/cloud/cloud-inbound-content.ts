import { type InboundContent, type LocationContent, MEDIA_KINDS, type MediaKind, type MediaPart } from '@soko/contracts';
import { type Fields, fields, listOf, number, text } from './loose-json.js';

/** Where Meta keeps a file: `id` lives 7 days. */
export interface CloudMediaReference {
  id: string;
  mimeType?: string;
  sha256?: string;
  /** Spoken into the phone, and not a file of sound. */
  voice?: boolean;
}

export interface ReadContent {
  content: InboundContent;
  media?: CloudMediaReference;
}

/** What a message says. What we cannot read is kept as `unsupported`, so that the merchant sees that something came. */
export function contentOf(item: Fields): ReadContent {
  const type = text(item.type) ?? 'nothing';
  const read = Object.hasOwn(READERS, type) ? READERS[type]!(fields(item[type]) ?? {}, item) : undefined;
  return read ?? { content: { type: 'unsupported', unsupported: { what: whatOf(item, type) } } };
}

/** Undefined where the shape is not the one that Meta documents. */
type Reader = (part: Fields, item: Fields) => ReadContent | undefined;

const READERS: Record<string, Reader> = {
  text: ({ body }) => (typeof body === 'string' ? { content: { type: 'text', text: { body } } } : undefined),
  // The quick reply of a template.
  button: ({ payload, text: title }) => reply(payload ?? title, title ?? payload),
  interactive: (part) => {
    const { id, title } = fields(part[part.type as string]) ?? {};
    return part.type === 'button_reply' || part.type === 'list_reply' ? reply(id, title) : undefined;
  },
  location: (part) => {
    const location = locationOf(part);
    return location && { content: { type: 'location', location } };
  },
  contacts: (_, item) => {
    const contacts = listOf(item.contacts).map((each) => {
      const { name, phones } = fields(each) ?? {};
      const numbers = listOf(phones).flatMap((phone) => text(fields(phone)?.phone) ?? []);
      return { name: text(fields(name)?.formatted_name) ?? numbers[0] ?? '', phones: numbers };
    });
    return contacts.length > 0 ? { content: { type: 'contacts', contacts } } : undefined;
  },
  // Prices in it are the customer's word and so are left out.
  order: ({ product_items, text: note }) => {
    const items = listOf(product_items).flatMap((each) => {
      const { product_retailer_id, quantity } = fields(each) ?? {};
      const [sku, count] = [text(product_retailer_id), number(quantity)];
      return sku && count && count >= 1 ? [{ sku, quantity: Math.floor(count) }] : [];
    });
    return items.length > 0
      ? { content: { type: 'order', order: { items, ...(text(note) ? { text: text(note) } : {}) } } }
      : undefined;
  },
  ...Object.fromEntries(MEDIA_KINDS.map((kind): [string, Reader] => [kind, (part) => file(kind, part)])),
};

function reply(id: unknown, title: unknown): ReadContent | undefined {
  const [given, shown] = [text(id), text(title) ?? text(id)];
  return given && shown ? { content: { type: 'reply', reply: { id: given, title: shown } } } : undefined;
}

function locationOf({ latitude, longitude, name, address }: Fields): LocationContent | undefined {
  const [lat, long] = [number(latitude), number(longitude)];
  if (lat === undefined || long === undefined || Math.abs(lat) > 90 || Math.abs(long) > 180) return undefined;
  return {
    latitude: lat,
    longitude: long,
    ...(text(name) ? { name: text(name) } : {}),
    ...(text(address) ? { address: text(address) } : {}),
  };
}

function file(kind: MediaKind, { id, mime_type, sha256, caption, filename, voice }: Fields): ReadContent {
  const mimeType = text(mime_type);
  const part: MediaPart = {
    ...(mimeType ? { mimeType } : {}),
    ...(text(caption) ? { caption: text(caption) } : {}),
    ...(text(filename) ? { filename: text(filename) } : {}),
  };
  const content = { type: kind, [kind]: part } as unknown as InboundContent;
  const mediaId = text(id);
  if (!mediaId) return { content };
  const media: CloudMediaReference = {
    id: mediaId,
    ...(mimeType ? { mimeType } : {}),
    ...(text(sha256) ? { sha256: text(sha256) } : {}),
    ...(voice === true ? { voice } : {}),
  };
  return { content, media };
}

/** Meta's own name for it, as near as it tells. */
function whatOf(item: Fields, type: string): string {
  if (type === 'unsupported') return text(fields(item.unsupported)?.type) ?? text(fields(listOf(item.errors)[0])?.title) ?? type;
  return type === 'interactive' ? (text(fields(item.interactive)?.type) ?? type) : type;
}
