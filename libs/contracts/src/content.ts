import 'reflect-metadata';
import { NestedList, Optional } from '@soko/common';
import { IsBoolean, IsLatitude, IsLongitude, IsNumber, IsString, IsUUID, Length, MaxLength } from 'class-validator';

/* Limits are WhatsApp's own: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages */

export class TextContent {
  /** @example Hello */
  @IsString() @Length(1, 4096) body!: string;
  @Optional() @IsBoolean() previewUrl?: boolean;
}

export class ReplyButton {
  /** @example yes */
  @IsString() @Length(1, 256) id!: string;
  /** @example Yes */
  @IsString() @Length(1, 20) title!: string;
}
export class ButtonsContent {
  @Optional() @IsString() @Length(1, 60) header?: string;
  /** @example "Is that right?" */
  @IsString() @Length(1, 1024) body!: string;
  @Optional() @IsString() @Length(1, 60) footer?: string;
  @NestedList(() => ReplyButton, 1, 3)
  buttons!: ReplyButton[];
}

export class ListRow {
  /** @example rice */
  @IsString() @Length(1, 200) id!: string;
  /** @example "Rice 5 kg" */
  @IsString() @Length(1, 24) title!: string;
  @Optional() @IsString() @MaxLength(72) description?: string;
}
export class ListSection {
  @Optional() @IsString() @Length(1, 24) title?: string;
  @NestedList(() => ListRow, 1, 10)
  rows!: ListRow[];
}
export class ListContent {
  @Optional() @IsString() @Length(1, 60) header?: string;
  /** @example "What would you like?" */
  @IsString() @Length(1, 1024) body!: string;
  @Optional() @IsString() @Length(1, 60) footer?: string;
  /** @example Choose */
  @IsString() @Length(1, 20) button!: string;
  @NestedList(() => ListSection, 1, 10)
  sections!: ListSection[];
}

export class LocationContent {
  /** @example -17.8292 */
  @IsNumber() @IsLatitude() latitude!: number;
  /** @example 31.0522 */
  @IsNumber() @IsLongitude() longitude!: number;
  @Optional() @IsString() @MaxLength(1000) name?: string;
  @Optional() @IsString() @MaxLength(1000) address?: string;
}

/** A file of our own store. */
export class MediaContent {
  /** @example 019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071 */
  @IsUUID() mediaId!: string;
  /** Under a picture, a video or a document. @example "Fresh today" */
  @Optional() @IsString() @Length(1, 1024) caption?: string;
}

/** What a message says, in the shape it was sent with. */
export type OutboundContent =
  | { type: 'text'; text: TextContent }
  | { type: 'buttons'; buttons: ButtonsContent }
  | { type: 'list'; list: ListContent }
  | { type: 'media'; media: MediaContent }
  | { type: 'location'; location: LocationContent };

export const MEDIA_KINDS = ['image', 'video', 'audio', 'document', 'sticker'] as const;
export type MediaKind = (typeof MEDIA_KINDS)[number];

/** A file that came with a message. `mediaId` is there once it lies in our own store. */
export interface MediaPart {
  mediaId?: string;
  mimeType?: string;
  caption?: string;
  filename?: string;
  /** Why there is no file. */
  unavailable?: string;
}
export interface SharedContact {
  name: string;
  phones: string[];
}
export interface OrderedItem {
  /** The seller's own name for the product. */
  sku: string;
  quantity: number;
}

/**
 * What a customer's message says. A tapped button or row comes as the id that we gave it; `typed` is what was written when it
 * was not tapped but answered in words. Prices in an `order` are the customer's claim and so are not kept.
 */
export type InboundContent =
  | { type: 'text'; text: { body: string } }
  | { type: 'reply'; reply: { id: string; title: string; typed?: string } }
  | { type: 'location'; location: LocationContent }
  | { type: 'image'; image: MediaPart }
  | { type: 'video'; video: MediaPart }
  | { type: 'audio'; audio: MediaPart }
  | { type: 'document'; document: MediaPart }
  | { type: 'sticker'; sticker: MediaPart }
  | { type: 'contacts'; contacts: SharedContact[] }
  | { type: 'order'; order: { items: OrderedItem[]; text?: string } }
  /** Something that we cannot read yet; `what` is the network's name for it. */
  | { type: 'unsupported'; unsupported: { what: string } };

export type MessageContent = OutboundContent | InboundContent;

const MEDIA_WORDS: Record<MediaKind, string> = {
  image: 'Photo',
  video: 'Video',
  audio: 'Voice message',
  document: 'Document',
  sticker: 'Sticker',
};

/** A file of our own store, as far as a text can tell of it. */
export interface NamedFile {
  kind: MediaKind;
  filename: string;
}

/**
 * The message as a person would read it: what search, lists of chats and plain-text channels show.
 * @param file what a message of type `media` is sent with, where that is known
 */
export function contentText(content: MessageContent, file?: NamedFile): string {
  switch (content.type) {
    case 'text':
      return content.text.body;
    case 'reply':
      return 'typed' in content.reply && content.reply.typed ? content.reply.typed : content.reply.title;
    case 'location':
      return content.location.name ?? content.location.address ?? `${content.location.latitude}, ${content.location.longitude}`;
    case 'media':
      return content.media.caption ?? (file ? fileText(file) : 'File');
    case 'image':
      return mediaText('image', content.image);
    case 'video':
      return mediaText('video', content.video);
    case 'audio':
      return mediaText('audio', content.audio);
    case 'document':
      return mediaText('document', content.document);
    case 'sticker':
      return mediaText('sticker', content.sticker);
    case 'contacts':
      return content.contacts.map(({ name, phones }) => [name, ...phones].join(' ')).join('\n');
    case 'order':
      return [content.order.text, ...content.order.items.map(({ sku, quantity }) => `${quantity} × ${sku}`)]
        .filter(Boolean)
        .join('\n');
    case 'unsupported':
      return `A message that cannot be shown here (${content.unsupported.what})`;
    case 'buttons':
      return [content.buttons.header, content.buttons.body, content.buttons.footer].filter(Boolean).join('\n');
    case 'list':
      return [content.list.header, content.list.body, content.list.footer].filter(Boolean).join('\n');
  }
}

/** Names of pictures are mostly the camera's. */
const fileText = ({ kind, filename }: NamedFile): string => (kind === 'document' ? filename : MEDIA_WORDS[kind]);
const mediaText = (kind: MediaKind, part: MediaPart): string => part.caption ?? part.filename ?? MEDIA_WORDS[kind];

/** Something that a customer can choose. */
export interface Option {
  id: string;
  title: string;
}

/** What can be chosen of a message, in the order in which it is shown; nothing when it offers nothing. */
export function optionsOf(content: MessageContent): Option[] {
  const options =
    content.type === 'buttons'
      ? content.buttons.buttons
      : content.type === 'list'
        ? content.list.sections.flatMap((section) => section.rows)
        : [];
  return options.map(({ id, title }) => ({ id, title }));
}
