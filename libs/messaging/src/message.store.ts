import { Injectable } from '@nestjs/common';
import { NotFoundError, storable } from '@soko/common';
import {
  answerChat,
  type CloudTemplate,
  contentText,
  fetchMedia,
  type InboundContent,
  messageReceived,
  messageSent,
  type NamedFile,
  optionsOf,
  type OutboundContent,
  sendChat,
} from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { linkCodeIn } from '@soko/identity';
import { ChannelService } from './channel.service.js';
import { ChatStore, type LockedChat } from './chat.store.js';
import { consentWord } from './consent.js';
import type { ContactAddress } from './contact-address.js';
import { ContactStore } from './contact.store.js';
import type { MessageCategory, QueuedView } from './message.dto.js';
import { INSERT_ELSEWHERE, INSERT_INBOUND, INSERT_OUTBOUND, INSERT_PENDING_ANSWER, REPLACE_PLACEHOLDER } from './message.sql.js';
import { ContactBlockedError, OptedOutError } from './messaging.errors.js';
import { chosenOf } from './typed-answer.js';

/** A customer's message as a transport hands it over. */
export interface Incoming {
  waMessageId: string;
  from: ContactAddress;
  name?: string;
  content: InboundContent;
  /** Where the network keeps what came with it, as JSON; kept and shown to nobody. */
  media?: object;
  /** WhatsApp's id of the message that it answers. */
  replyTo?: string;
}

/** The version of a template that a message was made of. */
export interface TemplateOrigin {
  id: string;
  version: number;
}

/** A message to a customer. */
export interface Outgoing {
  channelId?: string;
  /** E.164, or the chat that it goes to. */
  to: string | { chatId: string };
  content: OutboundContent;
  category?: MessageCategory;
  replyTo?: string;
  /** Not before this time. */
  sendAt?: Date;
  /** What `content` was made of. */
  template?: TemplateOrigin;
  /** What Meta is sent in place of `content` when the customer's last message is too old for that. */
  cloudTemplate?: CloudTemplate;
  /** Part of its text that no event repeats. */
  secret?: string;
  /** It is the bot's answer: what was offered before is over, whether it offers something itself or not. */
  answers?: boolean;
}

/** Stores messages of both directions, in the order of their acceptance: ids and numbers are made under the lock of the chat. */
@Injectable()
export class MessageStore {
  constructor(
    private readonly channels: ChannelService,
    private readonly chats: ChatStore,
    private readonly contacts: ContactStore,
  ) {}

  /** Whether a message that names no channel can be queued. */
  hasChannel(tx: TenantTx): Promise<boolean> {
    return this.channels.hasDefault(tx);
  }

  /**
   * Stores a customer's message once, however often it is handed over, and wakes the bot unless a person has the chat or the
   * customer is blocked. One that could not be read at first (`undecryptable`) is filled in when it comes again and can.
   * Locks the chat: best one message per transaction.
   * @returns whether it was new, or had something new.
   */
  async receive(tx: TenantTx, channelId: string, incoming: Incoming): Promise<boolean> {
    // A customer's phone may send what cannot be stored; the message must not be lost for it.
    const message = storable(incoming);
    const chat = await this.chats.open(tx, channelId, message.from, message.name);
    if (message.name && message.name !== chat.name) await this.contacts.rename(tx, chat.contactId, message.name);
    const read = understand(message.content, chat);
    const answered = (!chat.paused || isLinkCode(message.content)) && !chat.blocked && !isPlaceholder(message.content);
    const stored = await this.store(tx, chat, { ...message, content: read.content }, answered, read.consent);
    if (!stored) return false;
    if (isPlaceholder(message.content)) return true;
    if (message.media) tx.wake(fetchMedia, { merchantId: tx.merchantId, messageId: stored.id });
    if (read.consent) await this.contacts.setOptedOut(tx, chat.contactId, read.consent === 'out');
    tx.outbox.emit(messageReceived, {
      messageId: stored.id,
      chatId: chat.id,
      channelId,
      messageType: read.content.type,
      text: contentText(read.content),
      waMessageId: message.waMessageId,
      contactId: chat.contactId,
      ...(chat.address.phone ? { from: chat.address.phone } : {}),
    });
    if (answered) tx.wake(answerChat, { merchantId: tx.merchantId, chatId: chat.id });
    return true;
  }

  /**
   * Stores a message that the merchant wrote on the phone itself, once: nothing is sent, and no bot answers. One that we have sent
   * comes back in this way too, and is known by its id.
   * @param incoming `from` is whom it was written to. @returns whether it was new.
   */
  async sentElsewhere(tx: TenantTx, channelId: string, incoming: Incoming): Promise<boolean> {
    const message = storable(incoming);
    const chat = await this.chats.open(tx, channelId, message.from);
    const text = contentText(message.content);
    const { waMessageId, content } = message;
    const [row] = await tx.query<{ id: string }>(INSERT_ELSEWHERE, [
      tx.merchantId,
      channelId,
      chat.id,
      waMessageId,
      content.type,
      JSON.stringify(content),
      text,
      message.media ? JSON.stringify(message.media) : null,
      message.replyTo ?? null,
    ]);
    const stored = row ?? (await this.fillIn(tx, message, channelId, 'outbound'));
    if (!stored) return false;
    if (isPlaceholder(content)) return true;
    if (message.media) tx.wake(fetchMedia, { merchantId: tx.merchantId, messageId: stored.id });
    tx.outbox.emit(messageSent, {
      messageId: stored.id,
      chatId: chat.id,
      channelId,
      messageType: content.type,
      text,
      waMessageId,
      contactId: chat.contactId,
      ...(chat.address.phone ? { to: chat.address.phone } : {}),
    });
    return true;
  }

  /** Queues what the bot answers in a chat, in this order. With the first of it ends what was offered before. @throws as `queue` */
  async answer(tx: TenantTx, chatId: string, contents: OutboundContent[]): Promise<void> {
    for (const [n, content] of contents.entries()) await this.queue(tx, { to: { chatId }, content, answers: n === 0 });
  }

  /**
   * Queues a message to a customer, behind all that was queued for the same chat before.
   * @throws NoChannelError when there is no channel to send it by; NotFoundError for a channel, a chat, a file or a `replyTo` that is not the
   * merchant's; ContactBlockedError; OptedOutError.
   */
  async queue(tx: TenantTx, message: Outgoing): Promise<QueuedView> {
    const { to, content, category = 'utility' } = message;
    const known = typeof to === 'string' ? undefined : await this.chats.get(tx, to.chatId);
    const channel = await this.channels.resolve(tx, known?.channelId ?? message.channelId);
    if (message.replyTo) await this.assertMessage(tx, message.replyTo);
    const file = content.type === 'media' ? await this.lockFile(tx, content.media.mediaId) : undefined;
    const chat = known ?? (await this.chats.open(tx, channel.id, { phone: to as string }));
    if (chat.blocked) throw new ContactBlockedError();
    if (category === 'marketing' && (chat.optedOut || chat.marketingStopped)) throw new OptedOutError();
    const sendAt = message.sendAt && message.sendAt > new Date() ? message.sendAt : undefined;
    // What is scheduled offers nothing before it goes; `SendQueue.claim` sees to that.
    const options = sendAt ? [] : optionsOf(content);
    const offers = options.length > 0 || (message.answers ?? false);
    const [row] = await tx.query<{ id: string }>(INSERT_OUTBOUND, [
      tx.merchantId,
      channel.id,
      chat.id,
      content.type,
      JSON.stringify(content),
      contentText(content, file),
      message.replyTo ?? null,
      category,
      sendAt ?? null,
      channel.shard,
      offers,
      options.length > 0 ? JSON.stringify(options) : null,
      content.type === 'media' ? content.media.mediaId : null,
      message.template?.id ?? null,
      message.template?.version ?? null,
      message.cloudTemplate ? JSON.stringify(message.cloudTemplate) : null,
      message.secret ?? null,
    ]);
    if (!sendAt) tx.wake(sendChat, { merchantId: tx.merchantId, chatId: chat.id, shard: channel.shard });
    return {
      id: row!.id,
      chatId: chat.id,
      ...(chat.address.phone ? { to: chat.address.phone } : {}),
      status: 'queued',
      ...(sendAt ? { scheduledFor: sendAt.toISOString() } : {}),
    };
  }

  private async store(
    tx: TenantTx,
    chat: LockedChat,
    message: Incoming,
    answered: boolean,
    consent: 'out' | 'in' | undefined,
  ): Promise<{ id: string } | undefined> {
    const { content } = message;
    const [row] = await tx.query<{ id: string }>(INSERT_INBOUND, [
      tx.merchantId,
      chat.channelId,
      chat.id,
      message.waMessageId,
      content.type,
      JSON.stringify(content),
      contentText(content),
      message.media ? JSON.stringify(message.media) : null,
      message.replyTo ?? null,
      answered,
      consent ?? null,
    ]);
    if (row) return row;
    const filled = await this.fillIn(tx, message, chat.channelId, 'inbound');
    if (filled && answered) {
      await tx.query(INSERT_PENDING_ANSWER, [tx.merchantId, filled.id, filled.chat_id, filled.seq, consent ?? null]);
    }
    return filled;
  }

  /** Puts what a message says in the place of a placeholder for it. Nothing when the stored one is none: then it was handed over twice. */
  private async fillIn(
    tx: TenantTx,
    { waMessageId, content, media, replyTo }: Incoming,
    channelId: string,
    direction: 'inbound' | 'outbound',
  ): Promise<{ id: string; chat_id: string; seq: number } | undefined> {
    if (isPlaceholder(content)) return undefined;
    const [row] = await tx.query<{ id: string; chat_id: string; seq: number }>(REPLACE_PLACEHOLDER, [
      tx.merchantId,
      channelId,
      waMessageId,
      direction,
      content.type,
      JSON.stringify(content),
      contentText(content),
      media ? JSON.stringify(media) : null,
      replyTo ?? null,
    ]);
    return row;
  }

  /** While the message waits, its file cannot be deleted: not from here on. */
  private async lockFile(tx: TenantTx, id: string): Promise<NamedFile> {
    const [found] = await tx.query<NamedFile>(
      'SELECT kind, filename FROM media_files WHERE merchant_id = $1 AND id = $2 FOR KEY SHARE',
      [tx.merchantId, id],
    );
    if (!found) throw new NotFoundError('media', id);
    return found;
  }

  private async assertMessage(tx: TenantTx, id: string): Promise<void> {
    const [found] = await tx.query('SELECT 1 FROM messages WHERE merchant_id = $1 AND id = $2', [tx.merchantId, id]);
    if (!found) throw new NotFoundError('message', id);
  }
}

/** What a customer's message means in its chat: an answer in words to what was offered last, or a word about consent. */
function understand(content: InboundContent, chat: LockedChat): { content: InboundContent; consent?: 'out' | 'in' } {
  if (content.type !== 'text') return { content };
  const { body } = content.text;
  const word = consentWord(body);
  if (word === 'out' || word === 'in') return { content, consent: word };
  const chosen = chat.offer && chosenOf(chat.offer, body);
  if (chosen) return { content: { type: 'reply', reply: { ...chosen, typed: body } } };
  return { content, ...(word === 'cancel' && (chat.paused || chat.blocked) ? { consent: 'out' } : {}) };
}

/** It is looked at even where a person has the chat: until it is used, others could read it there and use it. */
const isLinkCode = (content: InboundContent): boolean => content.type === 'text' && linkCodeIn(content.text.body) !== undefined;

/** Stands for a message whose key has not come yet; the network hands it over again when it can be read. */
const isPlaceholder = (content: InboundContent): boolean =>
  content.type === 'unsupported' && content.unsupported.what === 'undecryptable';
