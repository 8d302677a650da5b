import { Type } from 'class-transformer';
import { IsIn, IsInt, IsString, IsUUID, Length, Max, Min, ValidateIf } from 'class-validator';
import { IsPhone, Nested, Optional } from '@soko/common';
import { LocationContent, type OutboundContent } from '@soko/contracts';

const TYPES = ['text', 'button', 'list', 'location', 'image'] as const;
type PhoneMessageType = (typeof TYPES)[number];
const isType =
  (...types: PhoneMessageType[]) =>
  (body: PhoneMessageBody) =>
    types.includes(body.type);

/** What the customer's phone writes. */
export class PhoneMessageBody {
  /** The customer's number. @example +263771234567 */
  @IsPhone() from!: string;
  /** The customer's profile name. @example Rudo */
  @Optional() @IsString() @Length(1, 100) name?: string;
  /** `button` and `list` are taps. @example text */
  @IsIn(TYPES) type!: PhoneMessageType;
  /** The text; for a tap, the title that was tapped; for an image, its caption. @example hi */
  @ValidateIf((body: PhoneMessageBody) => body.type === 'text' || body.text !== undefined)
  @IsString()
  @Length(1, 4096)
  text?: string;
  /** The id of the tapped button or row. */
  @ValidateIf(isType('button', 'list')) @IsString() @Length(1, 256) replyId?: string;
  @ValidateIf(isType('location')) @Nested(() => LocationContent) location?: LocationContent;
  /** Of an image: the file that it is, uploaded before. */
  @Optional() @IsUUID() mediaId?: string;
  /** WhatsApp's id; the same id again is the same message. Made up when missing. */
  @Optional() @IsString() @Length(1, 128) waMessageId?: string;
}

export class PhoneWroteView {
  /** @example SIM0198F0C2A7E27CC0 */
  waMessageId!: string;
}

export class PhoneQuery {
  /** Only what came after this `waMessageId`, `seq` or ISO time. */
  @Optional() @IsString() @Length(1, 128) after?: string;
  @Optional() @Type(() => Number) @IsInt() @Min(1) @Max(100) limit: number = 100;
}

/** A file that the phone has got. */
export class PhoneFileView {
  /** image, video, audio, document or sticker. @example image */
  kind!: string;
  /** Opens the file for an hour, without a login. @example "https://soko.example.com/media/…" */
  url!: string;
  /** @example image/jpeg */
  mimeType!: string;
  /** @example maize.jpg */
  filename!: string;
}

export class PhoneMessageView {
  /** @example SOKO0198F0C2A7E27CC0 */
  waMessageId!: string;
  /** Rises with each message that the phone receives. @example 7 */
  seq!: number;
  /** @example text */
  type!: string;
  /** @example { "type": "text", "text": { "body": "Hello" } } */
  content!: OutboundContent;
  /** @example Hello */
  text!: string;
  /** What came with a message of type `media`; missing once it was deleted. */
  media?: PhoneFileView;
  /** @example sent */
  status!: 'sent' | 'delivered' | 'read';
  receivedAt!: string;
}

export class ReceiptBody {
  /** @example SOKO0198F0C2A7E27CC0 */
  @IsString() @Length(1, 128) waMessageId!: string;
  @IsIn(['delivered', 'read']) status!: 'delivered' | 'read';
}
