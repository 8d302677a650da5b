import type { IncomingMessage } from 'node:http';
import {
  type AuthenticationCreds,
  type BinaryNode,
  type CacheStore,
  DEFAULT_CONNECTION_CONFIG,
  getBinaryNodeChildren,
  isLidUser,
  isPnUser,
  makeWASocket,
  proto,
  type SignalKeyStore,
  type SignalKeyStoreWithTransaction,
  type SocketConfig,
  type WAMessageKey,
  type WASocket,
} from '@whiskeysockets/baileys';
import type { Receipt } from '@soko/messaging';
import { arrivalsOf, envelopeOf } from './baileys-arrivals.js';
import { journalEntry } from './baileys-auth.store.js';
import type { Timings } from './baileys-deps.js';
import type { WebUpload } from './baileys-files.js';
import type { Arrival } from './baileys-inbound.js';
import { deferred } from './deferred.js';
import { KeyBatches } from './key-batches.js';
import { memoryCache } from './memory-cache.js';
import { type Repository, type Sealed, SignalSessions, keepingSessions } from './signal-sessions.js';

export interface SocketOptions {
  url: string;
  keepAliveMs: number;
  timings: Readonly<Timings>;
  creds: AuthenticationCreds;
  keys: SignalKeyStore;
  /** How often we have asked for a message again: outlives the connection, or a message that nobody can read is asked for without end. */
  retries: CacheStore;
  /** Whether this process may still speak for the device: asked before every frame that goes out. */
  allowed: () => boolean;
  /** What is kept of an arrival, beside the keys and with them; nothing when there is nothing to keep. */
  journalled: (arrival: Arrival) => string | undefined;
  /** Whether a message is kept already. */
  known: (waMessageId: string) => Promise<boolean>;
  /** A message of ours that a phone asks for once more. */
  sent: (waMessageId: string) => Promise<proto.IMessage | undefined>;
  on: {
    creds: (update: Partial<AuthenticationCreds>) => void;
    qr: (qr: string) => void;
    open: () => void;
    receipts: (receipts: Receipt[]) => void;
    restricted: (until: Date | undefined) => void;
    /** A customer's message came that cannot be read, or not yet. */
    unreadable: (arrival: Arrival) => void;
    /** One came that could be, and is kept. */
    kept: (waMessageId: string) => void;
    /** Once, at the end. */
    close: (code: number, message: string) => void;
  };
}

/** What a server's acknowledgement says: nothing when all is well. */
export type AckError = string | undefined;

const quiet: SocketConfig['logger'] = {
  level: 'silent',
  child: () => quiet,
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
/** Numbers and lids that belong together come with it. */
const SYNCED: number[] = [proto.HistorySync.HistorySyncType.INITIAL_BOOTSTRAP];
/** A server that does not answer our closing frame would keep the connection for 30 s more. */
const CLOSING_MS = 1_000;
/** Devices of people written to: their lists are kept for so long, as in Baileys. */
const DEVICES_MS = 300_000;
/** What Baileys says when every QR code has been shown. */
export const USED_UP = 'QR refs attempts ended';
/** What libsignal says of a message that was decrypted before. */
const READ_BEFORE = 'Key used already or never filled';

/** A message that says nothing, as a decryption gives it: padding alone. */
const NOTHING = Buffer.from([1]);

/** One connection of one linked device. Used once: after `close` there is a new one. */
export class BaileysSocket {
  private readonly sock: WASocket;
  private readonly acks = new Map<string, (error: AckError) => void>();
  /** Which stanza a ciphertext came in: the decryption is not told. */
  private readonly stanzas = new WeakMap<Uint8Array, BinaryNode>();
  private closed = false;

  constructor(private readonly options: SocketOptions) {
    const { creds, keys, on, timings } = options;
    const batches = new KeyBatches(keys);
    this.sock = makeWASocket({
      waWebSocketUrl: options.url,
      keepAliveIntervalMs: options.keepAliveMs,
      qrTimeout: timings.qr,
      defaultQueryTimeoutMs: timings.ack,
      logger: quiet,
      auth: { creds, keys: batches },
      browser: ['Soko', 'Chrome', '1.0.0'],
      markOnlineOnConnect: false, // The merchant's phone shall go on ringing.
      syncFullHistory: false,
      // Old messages are not ours to answer.
      shouldSyncHistoryMessage: ({ syncType }) => SYNCED.includes(syncType!),
      shouldIgnoreJid: (jid) => !isPnUser(jid) && !isLidUser(jid),
      getMessage: async ({ id }) => (id ? this.sentBefore(id) : undefined),
      transactionOpts: { maxCommitRetries: 3, delayBetweenTriesMs: 200 },
      makeSignalRepository: (auth, ...more) =>
        // Baileys gives the keys with its transactions around them.
        this.journalling(
          auth.keys as SignalKeyStoreWithTransaction,
          DEFAULT_CONNECTION_CONFIG.makeSignalRepository(auth, ...more),
          () => batches.written(),
        ),
      msgRetryCounterCache: options.retries,
      userDevicesCache: memoryCache(2_000, DEVICES_MS),
      callOfferCache: memoryCache(100),
      placeholderResendCache: memoryCache(500),
      // Without it, each message that cannot be read holds all others up for two seconds.
      enableRecentMessageCache: true,
      retryRequestDelayMs: 50,
      emitOwnEvents: false,
      generateHighQualityLinkPreview: false,
    });
    this.contain();
    this.guardWire();
    // Baileys listens and does nothing, and `ws` leaves it to those who listen.
    this.sock.ws.on('unexpected-response', (_: unknown, { statusCode }: IncomingMessage) =>
      this.end(503, `WhatsApp's address answers with HTTP ${statusCode}`),
    );
    // Before Baileys' own listener: it must be known where a ciphertext came from when it is decrypted.
    this.sock.ws.prependListener('CB:message', (node: BinaryNode) => this.note(node));
    this.sock.ws.on('CB:ack,class:message', ({ attrs }: BinaryNode) => this.acks.get(attrs.id ?? '')?.(attrs.error));
    this.sock.ws.on('CB:receipt', (node: BinaryNode) => {
      const receipts = receiptsOf(node);
      if (receipts.length > 0) on.receipts(receipts);
    });
    this.sock.ev.on('creds.update', on.creds);
    const standing = setTimeout(() => this.end(408, 'WhatsApp does not answer'), timings.open);
    this.sock.ev.on('connection.update', ({ connection, lastDisconnect, qr, reachoutTimeLock }) => {
      if (qr || connection === 'open' || connection === 'close') clearTimeout(standing);
      if (this.closed) return;
      if (qr) on.qr(qr);
      if (reachoutTimeLock?.isActive) on.restricted(reachoutTimeLock.timeEnforcementEnds);
      if (connection === 'open') on.open();
      if (connection === 'close') this.ended(lastDisconnect?.error);
    });
  }

  /**
   * Sends under our own id and waits for WhatsApp's acknowledgement.
   * @returns the server's error code; nothing when it took the message, 'timeout' when it said nothing, 'closed' when the connection went,
   * 'nobody' when there is no device to send it to.
   */
  async send(jid: string, message: proto.IMessage, waMessageId: string): Promise<AckError> {
    if (this.closed) return 'closed';
    const { ack, write } = this.options.timings;
    const { promise: answered, resolve: answer } = deferred<AckError>();
    this.acks.set(waMessageId, answer);
    let timer = setTimeout(() => answer('timeout'), write);
    const written = async (): Promise<AckError> => {
      // Baileys sends a message to nobody, and WhatsApp acknowledges it, when the question for devices was not answered.
      const asked = performance.now();
      const devices = await this.sock.getUSyncDevices([jid], true, false);
      if (devices.length === 0) return performance.now() - asked > ack / 2 ? 'timeout' : 'nobody';
      // In a transaction of its own: Baileys' would let one message at a time through, and what must not happen at once are steps alone.
      const relay = () => this.sock.relayMessage(jid, message, { messageId: waMessageId });
      await this.sock.authState.keys.transaction(relay, waMessageId);
      clearTimeout(timer);
      timer = setTimeout(() => answer('timeout'), ack);
      return answered;
    };
    try {
      return await Promise.race([answered, keepingSessions(written)]);
    } catch (error) {
      // Baileys tells of the end only when the socket has closed.
      if (this.closed || !this.sock.ws.isOpen) return 'closed';
      throw error;
    } finally {
      clearTimeout(timer);
      this.acks.delete(waMessageId);
    }
  }

  /** Takes an encrypted file, and says where it lies. */
  get upload(): WebUpload {
    return this.sock.waUploadToServer;
  }

  /** Whether a number is on WhatsApp. Undefined when nobody said. */
  async lookUp(phone: string): Promise<boolean | undefined> {
    const found = await this.sock.onWhatsApp(phone);
    return found && found.some(({ exists }) => exists);
  }

  async markRead(key: WAMessageKey, typing: boolean): Promise<void> {
    await this.sock.readMessages([key]);
    if (typing) await this.sock.sendPresenceUpdate('composing', key.remoteJid!);
  }

  requestPairingCode(digits: string): Promise<string> {
    return this.sock.requestPairingCode(digits);
  }

  /** Removes the device from the account. */
  logout(): Promise<void> {
    return this.sock.logout();
  }

  /** Ends the connection, as if it had been lost. */
  end(code: number, message: string): void {
    const error = Object.assign(new Error(message), { output: { statusCode: code } });
    void this.sock.end(error);
    this.ended(error);
  }

  private ended(error: unknown): void {
    if (this.closed) return;
    this.closed = true;
    for (const answer of this.acks.values()) answer('closed');
    const { output, message = 'the connection ended' } = (error ?? {}) as { output?: { statusCode?: number }; message?: string };
    // Baileys takes the status of a proxy on the way for WhatsApp's own code, and 401 would wipe the keys.
    const code = message.startsWith('WebSocket Error') ? 503 : (output?.statusCode ?? 428);
    this.options.on.close(code, message);
  }

  /**
   * No frame leaves once the lease is lost: a process that was paused must not go on where another one has taken over. Baileys has taken
   * hold of `ws.send` by now, so this stands below it.
   */
  private guardWire(): void {
    const ws = this.sock.ws as unknown as { socket: WireSocket; close: () => Promise<void> };
    const wire = ws.socket;
    const write = wire.send.bind(wire);
    wire.send = (frame, sent) => {
      if (this.options.allowed()) return write(frame, sent);
      sent?.(new Error('the lease of this channel is lost'));
      this.end(428, 'the lease of this channel is lost');
    };
    const close = ws.close.bind(ws);
    ws.close = async () => {
      const timer = setTimeout(() => wire.terminate(), CLOSING_MS);
      await close();
      clearTimeout(timer);
    };
  }

  /**
   * Baileys answers some stanzas (of groups, or that something has changed) in listeners whose failures nobody catches, and a connection
   * that breaks off makes them fail: that would stop the process, with everybody's channels.
   */
  private contain(): void {
    const { ws } = this.sock;
    for (const name of ws.eventNames()) {
      for (const listener of ws.listeners(name)) {
        ws.off(name, listener as () => void);
        ws.on(name, (...values: unknown[]) => {
          const answer: unknown = (listener as (...all: unknown[]) => unknown)(...values);
          if (answer instanceof Promise) answer.catch(() => undefined);
        });
      }
    }
  }

  private note(stanza: BinaryNode): void {
    // What comes live would overtake what waited for us while we were away: Baileys has a queue for the latter alone.
    stanza.attrs.offline ??= '0';
    const sealed = getBinaryNodeChildren(stanza, 'enc');
    for (const { content } of sealed) if (content instanceof Uint8Array) this.stanzas.set(content, stanza);
    // Such as a photo to be seen once, which linked devices do not get, or what only the phone can show us.
    if (sealed.length === 0) this.unreadable(stanza);
  }

  private unreadable(stanza: BinaryNode): void {
    if (stanza.attrs.category === 'peer') return;
    const envelope = envelopeOf(stanza, this.options.creds);
    if (envelope) this.options.on.unreadable(envelope);
  }

  /**
   * The receipt for a message goes out when its decryption has resolved: what was decrypted is written by then, in the statement that
   * writes the session it was decrypted with. Whatever breaks off, both are there or neither, and WhatsApp brings the message again.
   */
  private journalling(keys: SignalKeyStoreWithTransaction, made: Repository, written: () => Promise<void>): Repository {
    const repository = new SignalSessions(keys, made, written).stepwise((sealed) => this.decrypted(sealed, keys, made));
    return {
      ...repository,
      decryptMessage: async (sealed) => {
        const stanza = this.stanzaOf(sealed);
        try {
          const plain = await repository.decryptMessage(sealed);
          if (stanza.attrs.id) this.options.on.kept(stanza.attrs.id);
          return plain;
        } catch (error) {
          // Kept, and acknowledged by nobody, because a process died in between. To ask for it anew would make a new session of it,
          // and what is under way to the customer in the old one would be unreadable.
          if (await this.keptBefore(stanza)) return NOTHING;
          // What fails for us and not for its sake comes again by itself.
          if (!this.closed && (error as Error).message !== READ_BEFORE) this.unreadable(stanza);
          throw error;
        }
      },
    };
  }

  private stanzaOf({ ciphertext }: Sealed): BinaryNode {
    const stanza = this.stanzas.get(ciphertext);
    if (!stanza) throw new Error('this ciphertext came in no message');
    return stanza;
  }

  private async keptBefore({ attrs }: BinaryNode): Promise<boolean> {
    return attrs.id !== undefined && !this.closed && (await this.options.known(attrs.id).catch(() => false));
  }

  private async decrypted(sealed: Sealed, keys: SignalKeyStore, repository: Repository): Promise<Uint8Array> {
    const plain = await repository.decryptMessage(sealed);
    for (const arrival of await arrivalsOf(this.stanzaOf(sealed), plain, this.options.creds, repository.lidMapping)) {
      const body = this.options.journalled(arrival);
      if (body) await keys.set(journalEntry(arrival.key.id!, body));
    }
    return plain;
  }

  private async sentBefore(id: string): Promise<proto.IMessage | undefined> {
    try {
      return await this.options.sent(id);
    } catch (error) {
      // Nor would the one who asks ask again.
      this.end(428, 'a message could not be read again');
      throw error;
    }
  }
}

/** The part of `ws` that stands below Baileys. */
interface WireSocket {
  send(frame: Uint8Array | string, sent?: (error?: Error) => void): void;
  terminate(): void;
}

/** A receipt from the customer's side, as statuses of our messages. */
function receiptsOf({ attrs, content }: BinaryNode): Receipt[] {
  const status =
    attrs.type === 'read' || attrs.type === 'played'
      ? 'read'
      : attrs.type === undefined || attrs.type === 'inactive'
        ? 'delivered'
        : undefined;
  if (!status || attrs.recipient || !attrs.id) return [];
  const more = Array.isArray(content) ? getBinaryNodeChildren(content[0], 'item').map((item) => item.attrs.id) : [];
  return [attrs.id, ...more].filter((id) => id !== undefined).map((waMessageId) => ({ waMessageId, status }));
}
