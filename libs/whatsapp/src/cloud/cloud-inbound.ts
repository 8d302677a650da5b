import { isUuid, normalisePhone } from '@soko/common';
import type { ContactAddress, Receipt } from '@soko/messaging';
import type { InboundChannel, InboundFormat, InboundItem } from '../inbound/inbound-item.js';
import { receiptError } from './cloud-errors.js';
import { contentOf } from './cloud-inbound-content.js';
import { type Fields, fields, listOf, text } from './loose-json.js';

/* https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components */

const STATUSES: Record<string, Receipt['status']> = {
  sent: 'sent',
  delivered: 'delivered',
  read: 'read',
  // A voice message that was listened to.
  played: 'read',
  failed: 'failed',
};

/** What reads one list of a change's `value`. Throws for an item that it cannot make sense of. */
type Reader = (item: Fields, value: Fields) => InboundItem[];

/** By field and list. What is not here is no business of a chat: account news, typing. */
const READERS: Record<string, Record<string, Reader>> = {
  messages: { messages: message, statuses: (item) => status(item) },
  user_preferences: { user_preferences: (item) => preference(item) },
};

/** Meta's webhooks. */
export const cloudFormat: InboundFormat = {
  kind: 'cloud',
  parse(body: string, channel: InboundChannel): InboundItem[] {
    const root = fields(JSON.parse(body));
    const entries = root?.entry;
    if (!Array.isArray(entries)) throw new Error('this is no webhook of Meta: it has no list of entries');
    return entries.flatMap((entry: unknown) =>
      listOf(fields(entry)?.changes).flatMap((each) => change(fields(each) ?? {}, channel)),
    );
  },
};

function change({ field, value: given }: Fields, channel: InboundChannel): InboundItem[] {
  if (field === 'message_template_status_update') return template(fields(given) ?? {});
  const readers = typeof field === 'string' && Object.hasOwn(READERS, field) ? READERS[field]! : {};
  const value = fields(given) ?? {};
  return Object.entries(readers).flatMap(([list, read]) =>
    listOf(value[list]).flatMap((item) => {
      const alone = () => JSON.stringify(single(field as string, list, item, value));
      try {
        const number = fields(value.metadata)?.phone_number_id;
        if (number !== channel.config.phoneNumberId)
          throw new Error(`it is for the number with the id ${String(number)}, not this channel’s`);
        const found = fields(item);
        if (!found) throw new Error(`an item of ${list} is no object`);
        return read(found, value);
      } catch (error) {
        return [{ rejected: { body: alone(), reason: (error as Error).message } }];
      }
    }),
  );
}

/** Told to each app that hears of the account, and not of a number: https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/reference/message_template_status_update */
function template(value: Fields): InboundItem[] {
  const [name, language, status] = [text(value.message_template_name), text(value.message_template_language), text(value.event)];
  if (!name || !language || !status) {
    const body = JSON.stringify({ entry: [{ changes: [{ field: 'message_template_status_update', value }] }] });
    return [{ rejected: { body, reason: 'news of a template without its name, its language or what has happened' } }];
  }
  const reason = text(value.reason);
  return [{ template: { name, language, status, ...(reason ? { reason } : {}) } }];
}

/** A webhook that holds this item alone. */
const single = (field: string, list: string, item: unknown, { messaging_product, metadata, contacts }: Fields): object => ({
  object: 'whatsapp_business_account',
  entry: [{ changes: [{ field, value: { messaging_product, metadata, ...(contacts ? { contacts } : {}), [list]: [item] } }] }],
});

function message(item: Fields, value: Fields): InboundItem[] {
  // Reactions ask for no answer and say nothing that an order could be made of.
  if (item.type === 'reaction') return [];
  const waMessageId = text(item.id);
  if (!waMessageId) throw new Error('a message without an id');
  const contact = contactOf(item, value);
  const from = address(text(item.from) ?? text(contact?.wa_id), text(item.from_user_id) ?? text(contact?.user_id));
  if (item.type === 'system') return renumbered(fields(item.system) ?? {}, from);
  const { content, media } = contentOf(item);
  const name = text(fields(contact?.profile)?.name);
  const replyTo = text(fields(item.context)?.id);
  return [
    {
      message: {
        waMessageId,
        from,
        content,
        ...(name ? { name } : {}),
        ...(media ? { media } : {}),
        ...(replyTo ? { replyTo } : {}),
      },
    },
  ];
}

/** What the change says of the sender: by number, by user id, or because there is nobody else. */
function contactOf({ from, from_user_id }: Fields, { contacts, messages }: Fields): Fields | undefined {
  const all = listOf(contacts)
    .map(fields)
    .filter((each) => each !== undefined);
  const found = all.find(
    ({ wa_id, user_id }) => (text(from) && wa_id === from) || (text(from_user_id) && user_id === from_user_id),
  );
  return found ?? (all.length === 1 && listOf(messages).length === 1 && !from && !from_user_id ? all[0] : undefined);
}

/** @throws Error when there is no way to know the person again. */
function address(digits: string | undefined, userId: string | undefined): ContactAddress {
  const phone = digits && normalisePhone(digits);
  if (!phone && !userId) throw new Error('a sender without a number or user id that can be written to');
  return { ...(phone ? { phone } : {}), ...(userId ? { userId } : {}) };
}

/** The customer has another number: chats and orders are still theirs. What else the system tells changes nothing here. */
function renumbered({ type, wa_id, new_wa_id, user_id }: Fields, from: ContactAddress): InboundItem[] {
  if (type !== 'user_changed_number' && type !== 'customer_changed_number') return [];
  const to = address(text(wa_id) ?? text(new_wa_id), text(user_id) ?? from.userId);
  return to.phone && to.phone !== from.phone ? [{ renumber: { from, to } }] : [];
}

function status(item: Fields): InboundItem[] {
  const waMessageId = text(item.id);
  if (!waMessageId) throw new Error('a status without the id of its message');
  const reached = typeof item.status === 'string' && Object.hasOwn(STATUSES, item.status) ? STATUSES[item.status] : undefined;
  // Meta adds some from time to time; none of them is a step of a message's way.
  if (!reached) return [];
  const messageId = item.biz_opaque_callback_data;
  return [
    {
      receipt: {
        waMessageId,
        status: reached,
        // Others may send by the same number, with data of their own.
        ...(isUuid(messageId) ? { messageId } : {}),
        ...(reached === 'failed' ? { error: receiptError(item.errors) } : {}),
      },
    },
  ];
}

function preference({ category, value, wa_id, user_id }: Fields): InboundItem[] {
  if (category !== 'marketing_messages' || (value !== 'stop' && value !== 'resume')) return [];
  return [{ marketing: { address: address(text(wa_id), text(user_id)), stopped: value === 'stop' } }];
}
