import { type MediaStore, sniff } from './media-store.js';

export interface IncomingFile {
  bytes?: Buffer | Uint8Array;
  /** Guessed from the bytes when left out. */
  mimeType?: string;
  caption?: string;
  filename?: string;
}

export interface OrderLine {
  product_retailer_id: string;
  quantity: number;
  item_price: number;
  currency: string;
}

type Choice = string | { id: string; title: string; description?: string };

/** What a customer can write; one of its keys. */
export type Content =
  | { text: string }
  /** The id of a button or row that this customer was sent, or what it is. */
  | { buttonReply: Choice }
  | { listReply: Choice }
  /** The quick reply of a template. */
  | { button: { payload: string; text: string } }
  | { image: IncomingFile }
  | { video: IncomingFile }
  | { audio: IncomingFile }
  | { document: IncomingFile }
  | { sticker: IncomingFile }
  | { location: { latitude: number; longitude: number; name?: string; address?: string; url?: string } }
  | { contacts: object[] }
  | { order: { catalog_id?: string; text?: string; product_items: OrderLine[] } }
  | { reaction: { message_id: string; emoji: string } }
  /** Something that the API cannot show, with what Meta says of it. */
  | { unsupported: true | { title?: string; details?: string } }
  | { system: { type: string; wa_id?: string; body?: string } }
  /** Put into the message as it is. */
  | { raw: object };

/** A button or row that the customer has on the screen. */
export interface Offered {
  wamid: string;
  id: string;
  title: string;
  description?: string;
}

/** One transparent dot, for files whose bytes do not matter. */
const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

/** Of files whose bytes do not say it. */
const USUAL_TYPE: Record<string, string> = {
  image: 'image/jpeg',
  video: 'video/mp4',
  audio: 'audio/ogg; codecs=opus',
  document: 'application/pdf',
  sticker: 'image/webp',
};

/** The type-specific part of a webhook's message, and the message that it answers by itself. */
export function incomingItem(
  content: Content,
  { media, offered }: { media: MediaStore; offered: (id: string) => Offered | undefined },
): { item: object; answers?: string } {
  if ('raw' in content) return { item: content.raw };
  if ('text' in content) return { item: { type: 'text', text: { body: content.text } } };
  if ('buttonReply' in content) return reply('button_reply', content.buttonReply, offered);
  if ('listReply' in content) return reply('list_reply', content.listReply, offered);
  if ('unsupported' in content) {
    const { title = 'Message type unknown', details = 'Message type is currently not supported.' } =
      content.unsupported === true ? {} : content.unsupported;
    return { item: { type: 'unsupported', errors: [{ code: 131051, title, message: title, error_data: { details } }] } };
  }
  if ('order' in content) {
    return { item: { type: 'order', order: { catalog_id: '194836987003835', text: '', ...content.order } } };
  }
  const [type, value] = Object.entries(content)[0] as [string, object];
  const isFile = ['image', 'video', 'audio', 'document', 'sticker'].includes(type);
  return { item: { type, [type]: isFile ? filePart(type, value, media) : value } };
}

function reply(type: 'button_reply' | 'list_reply', choice: Choice, offered: (id: string) => Offered | undefined) {
  const id = typeof choice === 'string' ? choice : choice.id;
  const found = offered(id);
  if (!found && typeof choice === 'string') throw new Error(`this customer was sent nothing to choose with the id ${id}`);
  const { title, description } = typeof choice === 'string' ? found! : choice;
  const chosen = { id, title, ...(type === 'list_reply' && description !== undefined ? { description } : {}) };
  return { item: { type: 'interactive', interactive: { type, [type]: chosen } }, answers: found?.wamid };
}

function filePart(type: string, { bytes, mimeType, caption, filename }: IncomingFile, media: MediaStore): object {
  const data = Buffer.from(bytes ?? PIXEL);
  const known = bytes || type === 'image' ? sniff(data) : undefined;
  const stored = media.add({ bytes: data, mimeType: mimeType ?? known ?? USUAL_TYPE[type]!, filename, source: 'received' });
  return {
    ...(caption === undefined ? {} : { caption }),
    ...(type === 'document' ? { filename: filename ?? 'document' } : {}),
    mime_type: stored.mimeType,
    sha256: stored.sha256.base64,
    id: stored.id,
    ...(type === 'audio' ? { voice: true } : {}),
    ...(type === 'sticker' ? { animated: false } : {}),
  };
}

/** Buttons and rows of an interactive message, and quick replies are none of them. */
export function offeredBy(wamid: string, payload: unknown): Offered[] {
  const { action } = payload as {
    action: { buttons?: { reply: { id: string; title: string } }[]; sections?: { rows: Omit<Offered, 'wamid'>[] }[] };
  };
  const choices = [
    ...(action.buttons ?? []).map((button) => button.reply),
    ...(action.sections ?? []).flatMap((section) => section.rows),
  ];
  return choices.map((choice) => ({ wamid, ...choice }));
}
