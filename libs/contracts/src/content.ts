import 'reflect-metadata';
import { NestedList, Optional } from '@soko/common';
import { IsBoolean, IsLatitude, IsLongitude, IsNumber, IsString, Length, MaxLength } from 'class-validator';

/* Limits are WhatsApp's own: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages */

export class TextContent {
  @IsString() @Length(1, 4096) body!: string;
  @Optional() @IsBoolean() previewUrl?: boolean;
}

export class ReplyButton {
  @IsString() @Length(1, 256) id!: string;
  @IsString() @Length(1, 20) title!: string;
}
export class ButtonsContent {
  @Optional() @IsString() @Length(1, 60) header?: string;
  @IsString() @Length(1, 1024) body!: string;
  @Optional() @IsString() @Length(1, 60) footer?: string;
  @NestedList(() => ReplyButton, 1, 3)
  buttons!: ReplyButton[];
}

export class ListRow {
  @IsString() @Length(1, 200) id!: string;
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
  @IsString() @Length(1, 1024) body!: string;
  @Optional() @IsString() @Length(1, 60) footer?: string;
  @IsString() @Length(1, 20) button!: string;
  @NestedList(() => ListSection, 1, 10)
  sections!: ListSection[];
}

export class LocationContent {
  @IsNumber() @IsLatitude() latitude!: number;
  @IsNumber() @IsLongitude() longitude!: number;
  @Optional() @IsString() @MaxLength(1000) name?: string;
  @Optional() @IsString() @MaxLength(1000) address?: string;
}

/** What a message says, in the shape it was sent with. */
export type OutboundContent =
  | { type: 'text'; text: TextContent }
  | { type: 'buttons'; buttons: ButtonsContent }
  | { type: 'list'; list: ListContent }
  | { type: 'location'; location: LocationContent };

/** What a customer's message says. A tapped button or row comes as the id that we gave it. */
export type InboundContent =
  | { type: 'text'; text: { body: string } }
  | { type: 'reply'; reply: { id: string; title: string } }
  | { type: 'location'; location: LocationContent }
  | { type: 'image'; image: { mediaId?: string; caption?: string } };

export type MessageContent = OutboundContent | InboundContent;

/** The message as a person would read it: what search, lists of chats and plain-text channels show. */
export function contentText(content: MessageContent): string {
  switch (content.type) {
    case 'text':
      return content.text.body;
    case 'reply':
      return content.reply.title;
    case 'location':
      return content.location.name ?? content.location.address ?? `${content.location.latitude}, ${content.location.longitude}`;
    case 'image':
      return content.image.caption ?? 'Photo';
    case 'buttons':
      return [content.buttons.header, content.buttons.body, content.buttons.footer].filter(Boolean).join('\n');
    case 'list':
      return [content.list.header, content.list.body, content.list.footer].filter(Boolean).join('\n');
  }
}
