import { jidEncode, type MediaType, proto } from '@whiskeysockets/baileys';
import { type Content, type Publish, textOf, toMessage } from './contents.js';
import type { Keys } from './keys.js';
import { messageId } from './message-id.js';
import { bigEndian, isLid, node, seconds, SERVER } from './nodes.js';
import type { Phone, Recipient } from './phone.js';
import type { Entry } from './queries.js';
import { type Bundle, type Encrypted, SignalParty } from './signal-party.js';

export interface Received {
  id: string;
  /** Number of the account that wrote. */
  from: string;
  text: string | undefined;
  message: proto.Message;
  at: number;
}

export interface Arrival {
  id: string;
  from: string;
  at: number;
}

export interface CustomerOptions {
  name?: string;
  /** Whether their messages come from their number or from their lid. */
  addressing?: 'pn' | 'lid';
  /** `eager`: as they arrive. `lazy`: when `inbox()` is called. `never`: not at all, and `received` stays empty. */
  decrypt?: 'eager' | 'lazy' | 'never';
}

export interface WriteOptions {
  /** The message's id, to write the same one again. */
  id?: string;
  /** In a chat with disappearing messages, after so many seconds. */
  ephemeral?: number;
  /** The first delivery cannot be decrypted; what the device gets when it asks again can. */
  undecryptable?: boolean;
  /** The server delivers the same stanza twice. */
  twice?: boolean;
}

/** Where files are put and taken from. */
export interface CustomerMedia {
  publish: Publish;
  read(file: { directPath?: string | null; mediaKey?: Uint8Array | null }, type: MediaType): Promise<Buffer>;
}

/** As WhatsApp's clients: after so many times they give a message up. */
const RETRIES = 5;
/** Messages kept for a device that asks for them again. */
const KEPT = 1000;

/** Someone with WhatsApp who writes to merchants and gets their answers. */
export class Customer implements Entry, Recipient {
  readonly user: string;
  readonly lidUser: string;
  readonly companions: { id: number }[] = [];
  name: string;
  addressing: 'pn' | 'lid';
  decrypt: 'eager' | 'lazy' | 'never';
  /** What their phone says by itself. `read-only`: read, without ever having said that it was delivered. */
  autoReceipts: 'delivered' | 'read' | 'read-only' | 'none' = 'delivered';
  /** So many of the next messages fail to decrypt, and their phone asks for them again. */
  failNext = 0;

  /** What they see, in order: a second message with the id of an earlier one is not shown, as in WhatsApp. */
  readonly received: Received[] = [];
  /** What their phone could not read, and why: it asks for each of them again. */
  readonly unreadable: { id: string; why: string; at: number }[] = [];
  /** Everything that the server brought, doubles included. */
  readonly arrivals: Arrival[] = [];
  /** What the accounts told about this customer's own messages. */
  readonly receipts: { id: string; from: string; type: string; at: number }[] = [];

  readonly #party: SignalParty;
  readonly #seen = new Set<string>();
  readonly #written = new Map<string, proto.IMessage>();
  readonly #chats = new Map<string, { phone: Phone; jid: string }>();
  readonly #retries = new Map<string, number>();
  readonly #unopened: { phone: Phone; id: string; encrypted: Encrypted; at: number }[] = [];
  /** Messages are encrypted, and decrypted, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    readonly number: string,
    keys: Keys,
    private readonly media: CustomerMedia,
    options: CustomerOptions,
  ) {
    this.user = number.replace(/^\+/, '');
    this.lidUser = keys.lid(number);
    this.#party = new SignalParty(keys, `customer ${number}`);
    this.name = options.name ?? number;
    this.addressing = options.addressing ?? 'pn';
    this.decrypt = options.decrypt ?? 'eager';
  }

  /** `263771234567@s.whatsapp.net` */
  get pn(): string {
    return jidEncode(this.user, SERVER);
  }

  get lid(): string {
    return jidEncode(this.lidUser, 'lid');
  }

  bundle(): ReturnType<SignalParty['bundle']> {
    return this.#party.bundle();
  }

  /** Writes to a merchant. @returns the message's id, once the server has it. */
  async write(phone: Phone, content: Content, options: WriteOptions = {}): Promise<string> {
    const id = options.id ?? messageId();
    return this.#inTurn(async () => {
      const message = await toMessage(content, (file) => this.media.publish(file), jidEncode(phone.user, SERVER));
      const { ephemeral } = options;
      this.#keep(id, ephemeral === undefined ? message : { ephemeralMessage: { message: expiring(message, ephemeral) } });
      await this.#send(phone, id, options);
      return id;
    });
  }

  /** Says that a message of a merchant was read. */
  read(id: string): void {
    const chat = this.#chats.get(id);
    if (!chat) throw new Error(`${this.number} has got no message ${id}`);
    this.#say(chat.phone, chat.jid, id, 'read');
  }

  /** What they see, after everything that has arrived is decrypted. */
  async inbox(): Promise<readonly Received[]> {
    await this.#inTurn(async () => {
      for (const { phone, id, encrypted, at } of this.#unopened.splice(0)) await this.#open(phone, id, encrypted, at);
    });
    return this.received;
  }

  /** The file of a message that they got, as its sender had it. */
  async download({ message }: Received): Promise<Buffer> {
    const { documentWithCaptionMessage: wrapped } = message;
    const { imageMessage, videoMessage, audioMessage, documentMessage, stickerMessage } = wrapped?.message ?? message;
    if (imageMessage) return this.media.read(imageMessage, 'image');
    if (videoMessage) return this.media.read(videoMessage, 'video');
    if (audioMessage) return this.media.read(audioMessage, 'audio');
    if (documentMessage) return this.media.read(documentMessage, 'document');
    if (stickerMessage) return this.media.read(stickerMessage, 'sticker');
    throw new Error('This message has no file');
  }

  async arrive(phone: Phone, { id, to, encrypted }: { id: string; to: string; encrypted: Encrypted | undefined }): Promise<void> {
    const at = Date.now();
    this.arrivals.push({ id, from: phone.number, at });
    const jid = isLid(to) ? this.lid : this.pn;
    if (this.decrypt === 'eager') {
      this.#chats.set(id, { phone, jid });
      if (encrypted && !(await this.#inTurn(() => this.#open(phone, id, encrypted, at)))) return;
    } else if (this.decrypt === 'lazy' && encrypted) {
      this.#chats.set(id, { phone, jid });
      this.#unopened.push({ phone, id, encrypted, at });
    }
    if (this.autoReceipts === 'delivered' || this.autoReceipts === 'read') this.#say(phone, jid, id);
    if (this.autoReceipts === 'read' || this.autoReceipts === 'read-only') this.#say(phone, jid, id, 'read');
  }

  receipt(phone: Phone, id: string, type: string): void {
    if (this.decrypt !== 'never') this.receipts.push({ id, from: phone.number, type, at: Date.now() });
  }

  async retry(phone: Phone, id: string, count: number, bundle: Bundle | undefined): Promise<void> {
    if (count > RETRIES || !this.#written.has(id)) return;
    await this.#inTurn(async () => {
      if (bundle) await this.#party.open(phone.deviceAddress, bundle);
      await this.#send(phone, id, {}, count);
    });
  }

  async #send(phone: Phone, id: string, { undecryptable, twice }: WriteOptions, retry?: number): Promise<void> {
    const message = this.#written.get(id);
    if (!message || !phone.linked) return;
    const device = phone.deviceAddress;
    if (!this.#party.knows(device)) {
      const bundle = phone.takeBundle();
      if (bundle) await this.#party.open(device, bundle);
    }
    const { type, ciphertext } = await this.#party.encrypt(device, message);
    // The authentication code stands at the end: with it broken, no session fits.
    if (undecryptable) ciphertext.writeUInt8(ciphertext.readUInt8(ciphertext.length - 1) ^ 255, ciphertext.length - 1);
    const media = (['image', 'video', 'audio', 'document', 'sticker'] as const).find((kind) => message[`${kind}Message`]);
    const enc = node('enc', { v: '2', type, count: retry?.toString(), mediatype: media }, ciphertext);
    const address =
      this.addressing === 'lid'
        ? { from: this.lid, sender_pn: this.pn, addressing_mode: 'lid' }
        : { from: this.pn, sender_lid: this.lid, addressing_mode: 'pn' };
    const attrs = { ...address, id, t: seconds(), type: media ? 'media' : 'text', notify: this.name };
    phone.deliver(node('message', attrs, [enc]), twice);
  }

  /** @returns whether it could be read. */
  async #open(phone: Phone, id: string, encrypted: Encrypted, at: number): Promise<boolean> {
    try {
      if (this.failNext > 0) {
        this.failNext -= 1;
        throw new Error('The test wants this message not to be readable');
      }
      const message = await this.#party.decrypt(phone.deviceAddress, encrypted);
      if (this.#seen.has(id)) return true;
      this.#seen.add(id);
      this.received.push({ id, from: phone.number, text: textOf(message), message, at });
      return true;
    } catch (error) {
      this.unreadable.push({ id, why: (error as Error).message, at });
      this.#askAgain(phone, id);
      return false;
    }
  }

  #askAgain(phone: Phone, id: string): void {
    const count = (this.#retries.get(id) ?? 0) + 1;
    const chat = this.#chats.get(id);
    if (!chat || count > RETRIES) return;
    this.#retries.set(id, count);
    const [registration, type, identity, key, skey] = this.#party.bundle();
    const keys = [type, identity, key, skey].flatMap((one) => one ?? []);
    phone.deliver(
      node('receipt', { from: chat.jid, id, type: 'retry', t: seconds() }, [
        node('retry', { count: String(count), id, t: seconds(), v: '1' }),
        registration ?? node('registration', {}, bigEndian(this.#party.registrationId)),
        node('keys', {}, keys),
      ]),
    );
  }

  #say(phone: Phone, from: string, id: string, type?: string): void {
    phone.deliver(node('receipt', { from, id, type, t: seconds() }));
  }

  #keep(id: string, message: proto.IMessage): void {
    this.#written.set(id, message);
    const oldest = this.#written.keys().next();
    if (this.#written.size > KEPT && !oldest.done) this.#written.delete(oldest.value);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

/** Phones write the chat's timer into the message itself, too. */
function expiring(message: proto.IMessage, expiration: number): proto.IMessage {
  if (typeof message.conversation !== 'string') return message;
  return { extendedTextMessage: { text: message.conversation, contextInfo: { expiration } } };
}
