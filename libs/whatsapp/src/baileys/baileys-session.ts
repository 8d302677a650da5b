import { setTimeout as pause } from 'node:timers/promises';
import { backoff, normalisePhone } from '@soko/common';
import type { OutboundContent } from '@soko/contracts';
import type { ChannelReport, ContactAddress } from '@soko/messaging';
import { type AuthenticationCreds, initAuthCreds, jidDecode, type proto, type SignalKeyStore } from '@whiskeysockets/baileys';
import { type Session, type SessionHost, type TransportChannel, TransportError, type TransportMessage } from '../transport.js';
import { journalEntry } from './baileys-auth.store.js';
import { toProto, type Written } from './baileys-content.js';
import type { BaileysDeps } from './baileys-deps.js';
import type { Arrival } from './baileys-inbound.js';
import { BaileysSocket, USED_UP } from './baileys-socket.js';
import { afterClosing, type NextStep } from './closing.js';
import { ConnectionKeys } from './connection-keys.js';
import { memoryCache } from './memory-cache.js';
import { Placeholders } from './placeholders.js';
import { Strangers } from './strangers.js';

/** So many sends in a row without an answer, and the connection is made anew. */
const DEAF_AFTER = 2;
/** The first QR code lives 60 s, each later one 20 s; so does a pairing code live about 160 s. */
const QR_MS = [60_000, 20_000];
const CODE_MS = 160_000;
/** WhatsApp is told of a logout; when it does not listen, the keys are wiped all the same. */
const LOGOUT_MS = 3_000;
const LEASE_MS = 1_000;
const RETRIES = 1_000;

type Stop = Extract<NextStep, { do: 'stop' }>;

interface Closed {
  code: number;
  message: string;
  /** It stood long enough to have been a connection. */
  steady: boolean;
}

/** A linked device and the connections that it lives through. */
export class BaileysSession implements Session {
  private creds!: AuthenticationCreds;
  private linked = false;
  /** E.164: link by a code on this phone, not by QR. */
  private linkPhone?: string;
  private socket?: BaileysSocket;
  private readonly store: SignalKeyStore;
  private keys?: ConnectionKeys;
  private connected = false;
  private failures = 0;
  private readonly stop = new AbortController();
  private saving: Promise<void> = Promise.resolve();
  private saved = true;
  private reports: Promise<unknown> = Promise.resolve();
  private living: Promise<void> = Promise.resolve();
  private unanswered = 0;
  private readonly strangers: Strangers;
  private readonly placeholders: Placeholders;
  private readonly retries = memoryCache(RETRIES);

  constructor(
    private readonly channel: TransportChannel,
    private readonly host: SessionHost,
    private readonly deps: BaileysDeps,
  ) {
    this.strangers = new Strangers(channel, deps.rows, async (restrictedUntil) => {
      const reason = 'WhatsApp lets this number begin no new chats for now; answers go on.';
      await this.report({ status: 'connected', reason, restrictedUntil });
    });
    this.store = deps.auth.keys(
      channel,
      host,
      () => this.saving,
      () => deps.ring(channel),
    );
    this.placeholders = new Placeholders(deps.timings.placeholder, (arrival) => this.show(arrival));
  }

  get sends(): boolean {
    return this.connected && !this.ended;
  }

  /** Nothing is done any more but to close. */
  private get ended(): boolean {
    return this.stop.signal.aborted;
  }

  start(): void {
    this.living = this.live();
  }

  async close(): Promise<void> {
    this.stop.abort();
    this.socket?.end(428, 'the gateway closes the session');
    await this.living;
    await this.keys?.retire();
    await Promise.allSettled([this.saving, this.reports, this.placeholders.flush(), this.deps.receipts.flush(this.channel.id)]);
  }

  async logout(): Promise<void> {
    const told = this.connected ? this.socket?.logout().catch(() => undefined) : undefined;
    // From here on the end of the connection is our own doing, and nothing to be told.
    this.stop.abort();
    await Promise.race([told, pause(LOGOUT_MS, undefined, { ref: false })]);
    await this.close();
  }

  async send(message: TransportMessage): Promise<string> {
    const jid = jidOf(message.to);
    if (message.lastInboundAt === null && !message.begun) await this.strangers.begin(this.sender(), message);
    const socket = this.sender();
    const id = message.waMessageId!;
    const written = await this.written(message.content, socket);
    const error = await socket.send(jid, toProto(written, message.replyTo, jid), id);
    if (error === undefined) {
      this.unanswered = 0;
      return id;
    }
    throw this.refused(socket, error);
  }

  private async written(content: OutboundContent, socket: BaileysSocket): Promise<Written> {
    try {
      return await this.deps.files.written(this.channel, content, socket.upload);
    } catch (error) {
      // It went on its way by a connection that is no more.
      if (error instanceof TransportError && error.fate === 'retry') this.sender();
      throw error;
    }
  }

  /** A message of ours that a phone asks for once more, made anew. */
  private async sentBefore(waMessageId: string): Promise<proto.IMessage | undefined> {
    const content = await this.deps.rows.sent(this.channel, waMessageId);
    if (!content || !this.socket) return undefined;
    try {
      return toProto(await this.deps.files.written(this.channel, content, this.socket.upload));
    } catch (error) {
      // Its file is gone.
      if (error instanceof TransportError && error.fate === 'failed') return undefined;
      throw error;
    }
  }

  async markRead(to: ContactAddress, waMessageId: string, typing: boolean): Promise<void> {
    await this.socket?.markRead({ remoteJid: jidOf(to), id: waMessageId, fromMe: false }, typing);
  }

  private sender(): BaileysSocket {
    if (!this.socket || !this.sends)
      throw new TransportError('channel_disconnected', 'The channel is not connected.', 'wait', 1_000);
    return this.socket;
  }

  /** Our own id makes every further try the same message, so a lost answer is no doubt here. */
  private refused(socket: BaileysSocket, error: string): TransportError {
    if (error === 'closed')
      return new TransportError('connection_lost', 'The connection was lost before WhatsApp answered.', 'wait', 1_000);
    if (error === 'timeout') {
      this.unanswered += 1;
      if (this.unanswered >= DEAF_AFTER) socket.end(408, 'WhatsApp does not answer what is sent');
      return new TransportError('no_answer', 'WhatsApp did not answer.', 'wait', 2_000);
    }
    this.unanswered = 0;
    if (error === 'nobody')
      return new TransportError('recipient_unreachable', 'WhatsApp names no device of this person.', 'retry');
    if (error !== '463')
      return new TransportError(`whatsapp_${error}`, `WhatsApp refused the message (error ${error}).`, 'failed');
    this.aside(socket, this.strangers.restrict(undefined));
    return new TransportError(
      'chat_refused',
      'WhatsApp does not let this number begin a chat with this person now (error 463).',
      'failed',
    );
  }

  /** One connection after the other, until the session is closed or has ended for good. Whatever fails is tried again. */
  private async live(): Promise<void> {
    let loaded = false;
    let verdict: Stop | undefined;
    while (!this.ended) {
      try {
        // Whoever lends it closes us when it is lost for good; till then nothing is done, and nothing told.
        const lease = this.host.lease();
        if (!lease || !(await this.deps.auth.holds(lease))) await this.rest(LEASE_MS);
        else if (verdict) return await this.finish(verdict);
        else if (loaded) verdict = await this.round();
        else {
          await this.load();
          loaded = true;
        }
      } catch (error) {
        if (this.ended) return;
        this.failures += 1;
        this.deps.log.error({ err: error, channelId: this.channel.id }, 'a session stumbled, and goes on');
        await this.rest(backoff(this.failures, this.deps.timings.reconnect));
      }
    }
  }

  private async load(): Promise<void> {
    await this.report({ status: 'connecting' });
    const kept = await this.deps.auth.creds(this.channel);
    this.linked = kept !== undefined;
    if (kept) this.creds = kept;
    this.linkPhone = await this.deps.rows.linkPhone(this.channel);
    await this.strangers.load();
  }

  /** A connection from its beginning to its end, and the wait before the next one. @returns why there must be none. */
  private async round(): Promise<Stop | undefined> {
    if (!this.saved) await this.save();
    // A link that was begun and not finished leaves an identity that no phone knows.
    if (!this.linked) this.creds = initAuthCreds();
    const linking = !this.linked;
    const { code, message, steady } = await this.connect();
    this.connected = false;
    if (this.ended || !this.host.lease()) return undefined;
    // The connection that a phone has linked did all that it was for.
    if (linking && this.linked) this.failures = 0;
    else this.failures = steady ? 1 : this.failures + 1;
    const next = afterClosing(
      { code, linking: !this.linked, usedUp: message === USED_UP, failures: this.failures },
      this.deps.timings.reconnect,
    );
    this.deps.log.info({ channelId: this.channel.id, code, message, next: next.do }, 'a connection ended');
    if (next.do === 'stop') return next;
    if (next.afterMs > 0) {
      const reason = next.failed ? `WhatsApp cannot be reached (${message}); trying again now and then.` : message;
      await this.report({ status: next.failed ? 'failed' : 'connecting', reason, alarm: next.failed });
    }
    await this.rest(next.afterMs);
    return undefined;
  }

  private async finish({ wipe, status, reason, alarm }: Stop): Promise<void> {
    if (wipe) {
      // What is still being written must not outlive the wiping.
      await this.keys?.retire();
      await this.saving.catch(() => undefined);
      await this.deps.auth.wipe(this.channel, this.host.lease());
    }
    await this.report({ status, reason, alarm, stopped: true });
    this.stop.abort();
  }

  /** Makes a connection and waits for its end. */
  private async connect(): Promise<Closed> {
    await this.keys?.retire();
    const leave = await this.deps.gate.enter(this.stop.signal);
    try {
      if (this.ended) return { code: 428, message: 'closed', steady: false };
      let stoodSince = Infinity;
      const closed = await new Promise<{ code: number; message: string }>((resolve) => {
        let qrs = 0;
        this.unanswered = 0;
        const keys = (this.keys = new ConnectionKeys(this.store, (error) =>
          this.broken(socket, error, 'the keys could not be read or written'),
        ));
        const socket: BaileysSocket = (this.socket = new BaileysSocket({
          url: this.deps.url,
          keepAliveMs: this.deps.keepAliveMs,
          timings: this.deps.timings,
          creds: this.creds,
          keys,
          retries: this.retries,
          allowed: () => this.host.lease() !== undefined,
          journalled: (arrival) => this.deps.journalled(arrival),
          known: (waMessageId) => this.deps.rows.known(this.channel, waMessageId),
          sent: (waMessageId) => this.sentBefore(waMessageId),
          on: {
            creds: (update) => this.changed(socket, update),
            qr: (qr) => {
              leave();
              this.aside(socket, this.offer(socket, qr, qrs++));
            },
            open: () => {
              leave();
              stoodSince = performance.now();
              this.aside(socket, this.opened());
            },
            receipts: (receipts) => this.deps.receipts.add(this.channel, receipts),
            restricted: (until) => this.aside(socket, this.strangers.restrict(until)),
            unreadable: (arrival) => this.placeholders.unreadable(arrival),
            kept: (waMessageId) => this.placeholders.readable(waMessageId),
            close: (code, message) => resolve({ code, message }),
          },
        }));
      });
      return { ...closed, steady: performance.now() - stoodSince > this.deps.timings.steady };
    } finally {
      leave();
    }
  }

  /** @param arrival without its content */
  private async show(arrival: Arrival): Promise<void> {
    const body = this.deps.journalled(arrival);
    if (!body) return;
    try {
      await this.store.set(journalEntry(arrival.key.id!, body));
    } catch (error) {
      this.deps.log.warn({ err: error, channelId: this.channel.id }, 'a message that nobody can read was not shown');
    }
  }

  /** What nobody waits for. When it fails the connection ends, and the next one does it again. */
  private aside(socket: BaileysSocket, work: Promise<void>): void {
    work.catch((error: unknown) => this.broken(socket, error, 'the state of the channel could not be written down'));
  }

  private broken(socket: BaileysSocket, error: unknown, what: string): void {
    this.deps.log.warn({ err: error, channelId: this.channel.id }, what);
    socket.end(428, what);
  }

  /** Reports arrive in the order in which they are made, none without the lease, and none after the session was closed. */
  private async report(report: ChannelReport): Promise<void> {
    const told = this.reports.then(async () => {
      if (!this.ended && this.host.lease()) await this.host.report(report);
    });
    this.reports = told.catch(() => undefined);
    await told;
  }

  private async offer(socket: BaileysSocket, qr: string, nth: number): Promise<void> {
    if (!this.linkPhone) {
      const expiresAt = new Date(Date.now() + (this.deps.timings.qr ?? QR_MS[Math.min(nth, 1)]!));
      await this.report({ status: 'awaiting_scan', link: { method: 'qr', value: qr, expiresAt } });
    } else if (nth === 0) {
      const value = await socket.requestPairingCode(this.linkPhone.slice(1));
      await this.report({ status: 'awaiting_scan', link: { method: 'code', value, expiresAt: new Date(Date.now() + CODE_MS) } });
    }
  }

  private async opened(): Promise<void> {
    const user = jidDecode(this.creds.me?.id)?.user;
    const phone = user && (normalisePhone(user) ?? `+${user}`);
    this.connected = true;
    await this.report({ status: 'connected', ...(phone ? { phone } : {}) });
    this.host.ready();
  }

  /** Kept from the moment when a phone has linked the device: an identity that was only offered is worth nothing. */
  private changed(socket: BaileysSocket, update: Partial<AuthenticationCreds>): void {
    Object.assign(this.creds, update);
    if (update.account) this.linked = true;
    if (this.linked) this.save().catch((error: unknown) => this.broken(socket, error, 'the device could not be kept'));
  }

  private save(): Promise<void> {
    this.saved = false;
    this.saving = this.saving
      .catch(() => undefined)
      .then(async () => {
        await this.deps.auth.saveCreds(this.channel, this.host, this.creds);
        this.saved = true;
      });
    return this.saving;
  }

  private async rest(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.stop.signal }).catch(() => undefined);
  }
}

function jidOf({ phone, lid }: ContactAddress): string {
  if (phone) return `${phone.slice(1)}@s.whatsapp.net`;
  if (lid) return `${lid}@lid`;
  throw new TransportError('recipient_unreachable', 'This contact has neither a number nor a lid.', 'failed');
}
