import { IsIn, IsObject, IsString, IsUUID, Length, ValidateIf } from 'class-validator';
import { IsPhone, IsTime, Nested, Optional, ValidationError } from '@soko/common';
import { ButtonsContent, ListContent, LocationContent, MediaContent, type OutboundContent, TextContent } from '@soko/contracts';
import { MESSAGE_CATEGORIES, type MessageCategory } from './message.dto.js';

const SENDABLE = ['text', 'buttons', 'list', 'media', 'location', 'template'] as const;

export class TemplateContent {
  /** @example order_confirmation */
  @IsString() @Length(1, 512) name!: string;
  /** BCP 47; the merchant's own language when missing. */
  @Optional() @IsString() @Length(2, 20) language?: string;
  /** @example { "name": "Rudo", "number": 42 } */
  @IsObject() variables!: Record<string, unknown>;
}

/** `message` is short for a text; otherwise `type` names the one part that is given. Either `to` or `chatId` says to whom. */
export class SendMessageBody {
  /** The customer's number. @example +263771234567 */
  @ValidateIf((body: SendMessageBody) => body.to !== undefined || body.chatId === undefined)
  @IsPhone()
  to?: string;
  /** In place of `to`, and the only way to write to a customer whose number WhatsApp hides. */
  @Optional() @IsUUID() chatId?: string;
  /** The merchant's default channel when missing; with `chatId`, that of the chat. */
  @Optional() @IsUUID() channelId?: string;
  /** The id of one of our messages that this one answers. */
  @Optional() @IsUUID() replyTo?: string;
  /** Not before this time. */
  @Optional() @IsTime() sendAt?: string;
  /** What the message is for; `utility` when missing. `marketing` is refused (409 `opted_out`) for customers who want none. */
  @Optional() @IsIn(MESSAGE_CATEGORIES) category?: MessageCategory;
  /** @example Hello */
  @ValidateIf((body: SendMessageBody) => body.message !== undefined || body.type === undefined)
  @IsString()
  @Length(1, 4096)
  message?: string;
  @Optional() @IsIn(SENDABLE) type?: (typeof SENDABLE)[number];
  @ValidateIf((body: SendMessageBody) => body.text !== undefined || (body.type === 'text' && body.message === undefined))
  @Nested(() => TextContent)
  text?: TextContent;
  @ValidateIf(isType('buttons')) @Nested(() => ButtonsContent) buttons?: ButtonsContent;
  @ValidateIf(isType('list')) @Nested(() => ListContent) list?: ListContent;
  @ValidateIf(isType('media')) @Nested(() => MediaContent) media?: MediaContent;
  @ValidateIf(isType('location')) @Nested(() => LocationContent) location?: LocationContent;
  @ValidateIf(isType('template')) @Nested(() => TemplateContent) template?: TemplateContent;
}

function isType(type: (typeof SENDABLE)[number]): (body: SendMessageBody) => boolean {
  return (body) => body.type === type || body[type] !== undefined;
}

/**
 * What the body says, when it needs no template.
 * @throws ValidationError when more than one part is given, or the part does not fit `type`, or a list has too many rows.
 */
export function contentOf(body: SendMessageBody): OutboundContent | { type: 'template'; template: TemplateContent } {
  const given = [...SENDABLE.filter((type) => body[type] !== undefined), ...(body.message === undefined ? [] : ['message'])];
  const type = body.type ?? 'text';
  if (given.length !== 1 || (given[0] !== type && !(given[0] === 'message' && type === 'text'))) {
    throw invalid('type', `give exactly one of message, ${SENDABLE.join(', ')}, the one that type names`);
  }
  if (body.message !== undefined) return { type: 'text', text: { body: body.message } };
  if (type === 'list') checkList(body.list!);
  if (type === 'buttons') checkButtons(body.buttons!);
  return { type, [type]: body[type] } as OutboundContent | { type: 'template'; template: TemplateContent };
}

/** Whom the body is for. @throws ValidationError when it says so twice, and so maybe differently. */
export function recipientOf(body: SendMessageBody): string | { chatId: string } {
  if (body.chatId === undefined) return body.to!;
  if (body.to !== undefined || body.channelId !== undefined)
    throw invalid('chatId', 'chatId says whom to write to and by which channel: leave out to and channelId');
  return { chatId: body.chatId };
}

/** Ten rows in all sections together, each id once: more, and WhatsApp refuses the message. */
function checkList(list: ListContent): void {
  const ids = list.sections.flatMap((section) => section.rows.map((row) => row.id));
  if (ids.length > 10)
    throw invalid('list.sections', `a list has at most 10 rows in all its sections, this one has ${ids.length}`);
  if (new Set(ids).size !== ids.length) throw invalid('list.sections', 'each row needs an id of its own');
}

function checkButtons({ buttons }: ButtonsContent): void {
  if (!unique(buttons.map((b) => b.id)) || !unique(buttons.map((b) => b.title))) {
    throw invalid('buttons.buttons', 'each button needs an id and a title of its own');
  }
}

const unique = (values: string[]): boolean => new Set(values).size === values.length;
const invalid = (path: string, message: string): ValidationError => new ValidationError([{ path, code: 'content', message }]);
