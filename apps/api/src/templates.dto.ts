export class PreviewPayloadsView {
  /** The body that the Cloud API gets, without whom it goes to. @example { "messaging_product": "whatsapp", "recipient_type": "individual", "type": "text", "text": { "body": "Thank you, Rudo!" } } */
  cloud!: object;
  /** What it gets when the customer's last message is more than 24 hours old. Missing: then the message fails with `window_closed`. @example { "messaging_product": "whatsapp", "recipient_type": "individual", "type": "template", "template": { "name": "order_update", "language": { "code": "en_US" } } } */
  cloudTemplate?: object;
  /** The message as WhatsApp Web carries it. @example { "conversation": "Thank you, Rudo!" } */
  baileys!: object;
  /** On a channel without buttons. @example "Thank you, Rudo!" */
  text!: string;
}

export class TemplatePreviewView {
  /** The template's content with values in place of its variables. @example { "body": "Thank you, Rudo!" } */
  rendered!: object;
  payloads!: PreviewPayloadsView;
  /** Variables without a value or a default: sending is refused for them. Here their examples are shown. @example ["customer"] */
  missing!: string[];
  /** @example ["WhatsApp Web (kind baileys) shows this list as numbered text; a number or title that is written back counts as the choice."] */
  warnings!: string[];
  /** How values were written. @example en */
  language!: string;
  /** ltr or rtl: how to show it. @example ltr */
  direction!: 'ltr' | 'rtl';
}

export class CounterpartRefView {
  /** @example order_update */
  name!: string;
  /** @example en_US */
  language!: string;
}

export class CounterpartView {
  /** @example 01990000-0000-7000-8000-000000000004 */
  templateId!: string;
  /** @example order_update */
  name!: string;
  /** @example en */
  language!: string;
  counterpart!: CounterpartRefView;
}

export class CounterpartChangeView extends CounterpartView {
  /** @example approved */
  previousState!: string;
  /** @example paused */
  state!: string;
  /** Meta's words. @example "Low quality" */
  reason?: string;
}

export class FailedAccountView {
  /** @example 01990000-0000-7000-8000-000000000005 */
  channelId!: string;
  /** @example "102290129340398" */
  wabaId!: string;
  /** @example token_invalid */
  code!: string;
  /** @example "The access token is not valid any more: put in a new one (PATCH /api/channels/:id)." */
  message!: string;
}

export class TemplateSyncView {
  /** Templates that name a counterpart. @example 3 */
  checked!: number;
  /** Whose state is another than before: an event tells it too. */
  changed!: CounterpartChangeView[];
  /** Whose counterpart Meta does not have in any account. */
  missing!: CounterpartView[];
  /** Accounts that could not be read. Nothing is called missing then. */
  failed!: FailedAccountView[];
}
