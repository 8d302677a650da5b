import { type BinaryNode, jidEncode, proto, S_WHATSAPP_NET } from '@whiskeysockets/baileys';
import { deflateSync } from 'node:zlib';
import type { Connection } from './connection.js';
import { bundleInRetryReceipt, LinkedDevice } from './device.js';
import { type ClosingCode, closing } from './closing.js';
import type { Keys } from './keys.js';
import { agreeByCode, readQr, vouch } from './linking.js';
import { Mailbox, offline } from './mailbox.js';
import { messageId } from './message-id.js';
import { bytes, child, children, failure, node, result, seconds, SERVER, streamError, userOf } from './nodes.js';
import type { Companion, PairingDesk } from './pairing.js';
import { answer, type Entry } from './queries.js';
import { type Bundle, type Encrypted, SignalParty } from './signal-party.js';

/** A customer, as the server side of an account sees them. */
export interface Recipient {
  readonly number: string;
  /** A message arrives. Resolves when what the customer answers by itself (receipts) is on its way. */
  arrive(from: Phone, message: { id: string; to: string; encrypted: Encrypted | undefined }): Promise<void>;
  /** The device has seen a message of theirs, or has read it. */
  receipt(from: Phone, id: string, type: string): void;
  /** The device could not decrypt. */
  retry(from: Phone, id: string, count: number, bundle: Bundle | undefined): Promise<void>;
}

/** What a phone needs of the server around it. */
export interface Network {
  readonly keys: Keys;
  readonly desk: PairingDesk;
  find(user: string): Entry | undefined;
  recipient(user: string): Recipient | undefined;
  mediaConnection(): BinaryNode;
  failed(error: unknown): void;
}

export interface SocketRecord {
  openedAt: number;
  closedAt: number | undefined;
  loggedIn: boolean;
}

/** Below this the server asks the device for more one-time keys. */
const FEW_PRE_KEYS = 5;

/**
 * An account: the merchant's own phone, which is its primary device, and the device linked to it (one; linking another one
 * removes the first).
 */
export class Phone implements Entry {
  readonly user: string;
  readonly lidUser: string;
  /** Every socket of the linked device, oldest first. */
  readonly sockets: SocketRecord[] = [];
  /** How often a socket was logged in while another one of the same device had not closed. */
  overlaps = 0;
  /** Ids of messages that the device has acknowledged: they are never delivered again, except when it asks for them. */
  readonly acknowledged = new Set<string>();
  /** Ids of messages that the device has refused, with its reason (a `nack`): WhatsApp does not deliver them again either. */
  readonly refused = new Map<string, string>();
  /** Messages that the device has sent, with doubles. */
  sent = 0;

  /** Messages are taken, but the device is never told. */
  loseAcks = false;
  /** The device learns of a receipt before it learns that the server has its message. */
  lateAcks = false;
  /** A phone sends its history right after linking; without it a device holds its first events back for 20 s. */
  sendsHistory = true;

  readonly #primary: SignalParty;
  readonly #records = new WeakMap<Connection, SocketRecord>();
  readonly #mailbox = new Mailbox();
  readonly #refusals: number[] = [];
  readonly #restrictions = new Map<string, string>();
  #device: LinkedDevice | undefined;
  #devices = 0;
  #connection: Connection | undefined;
  /** The device has said that it takes messages (`active`), so they need not wait. */
  #active = false;
  #held = false;
  #deaf: boolean | 'pings' = false;
  #welcomed = false;
  #greeted = false;
  #preKeysAsked = false;

  constructor(
    readonly number: string,
    private readonly network: Network,
  ) {
    this.user = number.replace(/^\+/, '');
    this.lidUser = network.keys.lid(number);
    this.#primary = new SignalParty(network.keys, `phone ${number}`);
  }

  get linked(): boolean {
    return this.#device !== undefined;
  }

  get online(): boolean {
    return this.#active && (this.#connection?.open ?? false);
  }

  /** Ids of messages that the device has not acknowledged yet: they are delivered again after its next login. */
  get unacknowledged(): string[] {
    return this.#mailbox
      .stanzas()
      .filter(isOrdinary)
      .map(({ attrs }) => attrs.id ?? '');
  }

  get companions(): { id: number }[] {
    return this.#device ? [this.#device] : [];
  }

  bundle(): BinaryNode[] {
    return this.#primary.bundle();
  }

  /** The name under which others keep their Signal session with the linked device. */
  get deviceAddress(): string {
    return `${this.user}.${this.#device?.id ?? 0}`;
  }

  get preKeysLeft(): number {
    return this.#device?.preKeys ?? 0;
  }

  /** Links the device that shows this QR code. @throws Error when none does, or when it goes away meanwhile. */
  async scan(qr: string): Promise<void> {
    const { ref, advSecret } = readQr(qr);
    await this.#link(this.network.desk.byRef(ref), advSecret);
  }

  /** Links the device that shows this pairing code. @throws Error when the code is wrong or no device asks for this number. */
  async enterCode(code: string): Promise<void> {
    const companion = await this.network.desk.byNumber(this.user);
    await this.#link(companion, await agreeByCode(companion, code.replace('-', ''), this.#primary.identity));
  }

  async #link(companion: Companion, advSecret: Buffer): Promise<void> {
    const id = ++this.#devices;
    await vouch(companion, this.#primary.identity, advSecret, {
      jid: jidEncode(this.user, SERVER, id),
      lid: jidEncode(this.lidUser, 'lid', id),
      keyIndex: id,
      name: this.number,
    });
    this.removeDevice();
    this.#device = new LinkedDevice(id, companion.noiseKey, companion.registration);
    this.#greeted = false;
    this.network.desk.leave(companion.connection);
    companion.connection.end(streamError(515));
  }

  /** Logs the device out from the phone; what waited for it is gone, and so is its right to log in. */
  removeDevice(): void {
    this.#device = undefined;
    this.#mailbox.clear();
    this.#connection?.end(closing(401));
  }

  /** Closes the device's socket in the way that Baileys reports as this code. */
  close(code: ClosingCode): void {
    const reason = closing(code);
    if (reason) this.#connection?.end(reason);
    else this.#connection?.destroy();
  }

  /** Refuses the next `count` logins for this reason, such as 403 (banned), 405 (version) or 503. */
  refuseLogins(count: number, reason: number): void {
    this.#refusals.push(...Array<number>(count).fill(reason));
  }

  /** Keeps what arrives for the device back, as when its network is slow. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#catchUp();
  }

  /** The socket stays open, but nothing is taken and nothing comes. `pings`: they alone are answered. */
  get deaf(): boolean | 'pings' {
    return this.#deaf;
  }

  set deaf(deaf: boolean | 'pings') {
    this.#deaf = deaf;
    if (deaf) return;
    if (!this.#welcomed) this.#welcome();
    this.#catchUp();
  }

  #catchUp(): void {
    if (this.online && !this.#held) for (const stanza of this.#mailbox.due()) this.#transmit(stanza);
  }

  /** Messages to this number are answered with an error, such as 463; `undefined` allows them again. */
  restrict(number: string, error: string | undefined): void {
    if (error === undefined) this.#restrictions.delete(number);
    else this.#restrictions.set(number, error);
  }

  /** A client says that it is the device of this account. */
  login(connection: Connection, payload: proto.ClientPayload, key: Buffer): void {
    const record: SocketRecord = { openedAt: connection.openedAt, closedAt: undefined, loggedIn: false };
    this.sockets.push(record);
    this.#records.set(connection, record);
    const refusal = this.#refusals.shift();
    if (refusal !== undefined) return connection.end(failure(refusal));
    if (!this.#device?.noiseKey.equals(key) || this.#device.id !== payload.device) return connection.end(failure(401));
    record.loggedIn = true;
    if (this.#connection?.open) {
      this.overlaps += 1;
      this.#connection.end(closing(440));
    }
    this.#connection = connection;
    this.#active = false;
    this.#mailbox.rewind();
    this.#welcomed = false;
    if (!this.deaf) this.#welcome();
  }

  #welcome(): void {
    if (!this.#connection || !this.#device) return;
    this.#welcomed = true;
    const lid = jidEncode(this.lidUser, 'lid', this.#device.id);
    this.#connection.send(node('success', { t: seconds(), lid, location: 'local' }));
  }

  closed(connection: Connection): void {
    const record = this.#records.get(connection);
    if (record) record.closedAt = connection.closedAt;
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    this.#active = false;
  }

  /** A stanza of the device. */
  stanza(connection: Connection, stanza: BinaryNode): void {
    if (connection !== this.#connection || !this.#device) return;
    if (this.deaf) {
      if (this.deaf === 'pings' && child(stanza, 'ping')) connection.send(result(stanza));
      return;
    }
    switch (stanza.tag) {
      case 'iq':
        return this.#query(connection, stanza, this.#device);
      case 'message':
        return void this.#outgoing(connection, stanza).catch((error: unknown) => this.network.failed(error));
      case 'receipt':
        return this.#receipt(connection, stanza);
      case 'ack':
        return this.#acknowledgement(stanza);
    }
  }

  /** A stanza for the device: sent at once, or when the device comes online. `doubled` sends it twice. */
  deliver(stanza: BinaryNode, doubled = false): void {
    if (!this.#device) return;
    this.#mailbox.put(stanza);
    if (!this.online || this.#held) return;
    this.#transmit(stanza);
    if (doubled) this.#transmit(stanza);
  }

  /** For a customer who opens a session with the device. */
  takeBundle(): Bundle | undefined {
    const bundle = this.#device?.takeBundle();
    if (this.online && this.preKeysLeft < FEW_PRE_KEYS && !this.#preKeysAsked) {
      this.#preKeysAsked = true;
      const count = node('count', { value: String(this.preKeysLeft) });
      this.deliver(node('notification', { from: S_WHATSAPP_NET, type: 'encrypt', id: messageId(), t: seconds() }, [count]));
    }
    return bundle;
  }

  #transmit(stanza: BinaryNode): void {
    if (this.deaf || !this.#connection) return;
    this.#mailbox.sent(stanza);
    this.#connection.send(stanza);
  }

  #query(connection: Connection, iq: BinaryNode, device: LinkedDevice): void {
    if (iq.attrs.type !== 'get' && iq.attrs.type !== 'set') return;
    const { network } = this;
    connection.send(answer(iq, { device, find: (user) => network.find(user), mediaConnection: () => network.mediaConnection() }));
    if (iq.attrs.xmlns === 'encrypt' && child(iq, 'list')) this.#preKeysAsked = false;
    if (child(iq, 'active')) this.#comeOnline(connection);
    if (child(iq, 'remove-companion-device')) this.removeDevice();
  }

  /** All that waited goes out, marked as such, between `offline_preview` and `offline`. */
  #comeOnline(connection: Connection): void {
    this.#active = true;
    const waiting = this.#held ? [] : this.#mailbox.due();
    const count = String(waiting.length);
    const messages = String(waiting.filter(({ tag }) => tag === 'message').length);
    connection.send(
      node('ib', { from: S_WHATSAPP_NET }, [
        node('offline_preview', { count, message: messages, receipt: '0', notification: '0' }),
      ]),
    );
    waiting.forEach((stanza, index) => {
      this.#mailbox.sent(stanza);
      connection.send(offline(stanza, index));
    });
    connection.send(node('ib', { from: S_WHATSAPP_NET }, [node('offline', { count })]));
    if (this.#greeted || !this.sendsHistory) return;
    this.#greeted = true;
    this.#greet().catch((error: unknown) => this.network.failed(error));
  }

  /** The (empty) history of a phone, which a newly linked device waits for. */
  async #greet(): Promise<void> {
    const bundle = this.takeBundle();
    if (!bundle) return;
    const { Type } = proto.Message.ProtocolMessage;
    const syncType = proto.HistorySync.HistorySyncType.INITIAL_BOOTSTRAP;
    const history = proto.HistorySync.encode({ syncType, conversations: [], progress: 100 }).finish();
    const notification = { syncType, chunkOrder: 1, progress: 100, initialHistBootstrapInlinePayload: deflateSync(history) };
    await this.#primary.open(this.deviceAddress, bundle);
    const { type, ciphertext } = await this.#primary.encrypt(this.deviceAddress, {
      protocolMessage: { type: Type.HISTORY_SYNC_NOTIFICATION, historySyncNotification: notification },
    });
    const attrs = { from: jidEncode(this.user, SERVER), id: messageId(), t: seconds(), type: 'text', category: 'peer' };
    this.deliver(node('message', attrs, [node('enc', { v: '2', type }, ciphertext)]));
  }

  async #outgoing(connection: Connection, stanza: BinaryNode): Promise<void> {
    const { id = '', to = '' } = stanza.attrs;
    this.sent += 1;
    const user = userOf(to);
    const own = user === this.user || user === this.lidUser;
    const recipient = own ? undefined : this.network.recipient(user);
    const error = recipient && this.#restrictions.get(recipient.number);
    const acknowledge = (): void => {
      if (!this.loseAcks) connection.send(node('ack', { from: to, id, class: 'message', t: seconds(), error }));
    };
    if (!recipient || error !== undefined) return acknowledge();
    if (!this.lateAcks) acknowledge();
    await recipient.arrive(this, { id, to, encrypted: encryptedFor(this.#own(), stanza) });
    if (this.lateAcks) acknowledge();
  }

  #own(): Set<string> {
    return new Set([this.user, this.lidUser]);
  }

  #receipt(connection: Connection, stanza: BinaryNode): void {
    const { id = '', to = '', type = '' } = stanza.attrs;
    connection.send(node('ack', { from: to, id, class: 'receipt', type: type || undefined }));
    const recipient = this.network.recipient(userOf(to));
    if (type === 'retry') {
      const count = Number(child(stanza, 'retry')?.attrs.count ?? '1');
      recipient?.retry(this, id, count, bundleInRetryReceipt(stanza)).catch((error: unknown) => this.network.failed(error));
      return;
    }
    for (const one of [id, ...children(child(stanza, 'list')).map(({ attrs }) => attrs.id ?? '')]) {
      if (isOrdinary(this.#mailbox.receipt(one))) this.acknowledged.add(one);
      recipient?.receipt(this, one, type || 'delivered');
    }
  }

  #acknowledgement(stanza: BinaryNode): void {
    const settled = this.#mailbox.acknowledge(stanza);
    const { id = '', error } = stanza.attrs;
    if (!isOrdinary(settled)) return;
    if (error === undefined) this.acknowledged.add(id);
    else this.refused.set(id, error);
  }
}

/** A message of somebody, not one between the devices of the account. */
function isOrdinary(stanza: BinaryNode | undefined): boolean {
  return stanza?.tag === 'message' && stanza.attrs.category !== 'peer';
}

/** The ciphertext for the recipient: the copy for our own phone stands beside it. */
function encryptedFor(own: Set<string>, stanza: BinaryNode): Encrypted | undefined {
  const copies = children(child(stanza, 'participants'));
  const holder = copies.length > 0 ? copies.find(({ attrs }) => !own.has(userOf(attrs.jid))) : stanza;
  const type = child(holder, 'enc')?.attrs.type;
  if (type !== 'pkmsg' && type !== 'msg') return undefined;
  return { type, ciphertext: bytes(holder, 'enc') };
}
