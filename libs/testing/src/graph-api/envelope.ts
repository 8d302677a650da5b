import { createHmac } from 'node:crypto';

/** The business number that a webhook is about. */
export interface Origin {
  wabaId: string;
  phoneNumberId: string;
  /** Digits. */
  displayPhone: string;
}

/** One thing that a webhook tells. */
export interface WebhookItem {
  field: string;
  /** The list of `value` that it stands in: `messages`, `statuses`, … */
  list: string;
  item: object;
  /** What `contacts` says of the person. */
  contact?: object;
  /** Things with the same key go out in their order, unless told otherwise. */
  key: string;
}

/** Changes that stand in one entry, at most: a body with more of them has several entries. */
const CHANGES_PER_ENTRY = 3;

/** Items in changes; up to `perChange` neighbours of one kind share a change. */
export function changesOf(origin: Origin, items: readonly WebhookItem[], perChange = 1): object[] {
  const groups: WebhookItem[][] = [];
  for (const item of items) {
    const last = groups.at(-1);
    if (last && last.length < perChange && last[0]!.field === item.field && last[0]!.list === item.list) last.push(item);
    else groups.push([item]);
  }
  return groups.map((group) => changeOf(origin, group));
}

function changeOf(origin: Origin, group: WebhookItem[]): object {
  const contacts = [...new Map(group.flatMap(({ contact, key }) => (contact ? [[key, contact] as const] : []))).values()];
  return {
    value: {
      messaging_product: 'whatsapp',
      metadata: { display_phone_number: origin.displayPhone, phone_number_id: origin.phoneNumberId },
      ...(contacts.length > 0 ? { contacts } : {}),
      [group[0]!.list]: group.map(({ item }) => item),
    },
    field: group[0]!.field,
  };
}

/** The bytes of a webhook. */
export function bodyOf(origin: Origin, changes: readonly object[]): Buffer {
  const entry: object[] = [];
  for (let at = 0; at < changes.length; at += CHANGES_PER_ENTRY) {
    entry.push({ id: origin.wabaId, changes: changes.slice(at, at + CHANGES_PER_ENTRY) });
  }
  return Buffer.from(metaJson({ object: 'whatsapp_business_account', entry }), 'latin1');
}

/**
 * JSON with the escapes that Meta writes (`\/`, `\u00e9`, `\ud83c\udf3d`). JSON.stringify writes none of them, so that a
 * receiver that parses and writes it again has other bytes than those that were signed.
 */
export const metaJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(/[\u0080-\uFFFF/]/g, (character) =>
    character === '/' ? String.raw`\/` : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** Value of `X-Hub-Signature-256`. */
export const signatureOf = (appSecret: string, body: Buffer | string): string =>
  `sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`;

export const webhookHeaders = (appSecret: string, body: Buffer): Record<string, string> => ({
  'content-type': 'application/json',
  'user-agent': 'facebookexternalua',
  accept: '*/*',
  'x-hub-signature-256': signatureOf(appSecret, body),
});
