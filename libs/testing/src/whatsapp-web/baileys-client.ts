import {
  type AuthenticationState,
  initAuthCreds,
  makeWASocket,
  proto,
  type SignalDataSet,
  type SignalDataTypeMap,
  type UserFacingSocketConfig,
  WA_CERT_DETAILS,
  type WAMessage,
  type WASocket,
} from '@whiskeysockets/baileys';
import { until } from '../until.js';
import type { WhatsappWeb } from './server.js';

const { PENDING, SERVER_ACK } = proto.WebMessageInfo.Status;

type Upsert = { message: WAMessage; type: string };

export interface ClientOptions extends Partial<UserFacingSocketConfig> {
  /** Which root it trusts; the server's own unless told otherwise. */
  noiseRoot?: string;
}

/** Baileys as it is, with its state in memory: for the tests of this server. Each `connect` is a new socket, as Baileys wants it. */
export class BaileysClient {
  readonly upserts: Upsert[] = [];
  readonly updates: { id: string; status: number | null | undefined; parameters: readonly string[] | null | undefined }[] = [];
  readonly closes: (number | undefined)[] = [];
  readonly acks: { id: string; error: string | undefined }[] = [];
  readonly sent = new Map<string, proto.IMessage>();
  qr: string | undefined;
  open = false;
  /** Undefined before the first `connect`. */
  sock!: WASocket;
  readonly state = memoryState();

  constructor(
    private readonly server: WhatsappWeb,
    private readonly options: ClientOptions = {},
  ) {}

  connect(options: ClientOptions = {}): this {
    const { noiseRoot = this.server.noiseRoot, ...config } = { ...this.options, ...options };
    WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(noiseRoot, 'base64');
    this.qr = undefined;
    const sock = makeWASocket({
      auth: this.state,
      waWebSocketUrl: this.server.url,
      logger: SILENT,
      getMessage: async ({ id }) => this.sent.get(id ?? ''),
      ...config,
    });
    this.sock = sock;
    sock.ev.on('connection.update', ({ qr, connection, lastDisconnect }) => {
      if (qr) this.qr = qr;
      if (connection === 'open') this.open = true;
      if (connection !== 'close') return;
      this.open = false;
      this.closes.push((lastDisconnect?.error as { output?: { statusCode: number } } | undefined)?.output?.statusCode);
    });
    sock.ev.on('messages.upsert', ({ messages, type }) => {
      for (const message of messages) {
        this.upserts.push({ message, type });
        // A receipt or an error that comes before our own upsert is out of the event buffer is merged into it: no update tells.
        const { status, key, messageStubParameters } = message;
        if (key.fromMe && status !== PENDING && status !== SERVER_ACK) {
          this.updates.push({ id: key.id ?? '', status, parameters: messageStubParameters });
        }
      }
    });
    sock.ev.on('messages.update', (updates) => {
      for (const { key, update } of updates) {
        this.updates.push({ id: key.id ?? '', status: update.status, parameters: update.messageStubParameters });
      }
    });
    sock.ws.on('CB:ack,class:message', ({ attrs }: { attrs: { id: string; error?: string } }) =>
      this.acks.push({ id: attrs.id, error: attrs.error }),
    );
    return this;
  }

  /** Links with this number by QR code, and logs in. */
  async link(number: string): Promise<this> {
    this.connect();
    await this.server.phone(number).scan(await until('a QR code', () => this.qr));
    await this.login();
    // Cut off before its history is in, a device holds the events of its next login back for 20 s, waiting for it.
    await until('the end of the first sync', () => this.state.creds.accountSyncCounter > 0);
    return this;
  }

  /** Connects again, once the last socket is closed, until it is online. */
  async login(options: ClientOptions = {}): Promise<this> {
    await until('the close of the last socket', () => this.sock.ws.isClosed);
    this.connect(options);
    await until('an open connection', () => this.open);
    return this;
  }

  async send(jid: string, text: string, messageId?: string): Promise<string> {
    const sent = await this.sock.sendMessage(jid, { text }, { messageId });
    const id = sent?.key.id ?? '';
    if (sent?.message) this.sent.set(id, sent.message);
    return id;
  }

  /** Messages of customers with content, in order. */
  get messages(): { id: string; text: string; type: string; jid: string; alt: string | undefined }[] {
    return this.upserts
      .filter(({ message: { message, key } }) => message && !message.protocolMessage && !key.fromMe)
      .map(({ message: { message, key }, type }) => ({
        id: key.id ?? '',
        text: message?.conversation ?? message?.extendedTextMessage?.text ?? '',
        type,
        jid: key.remoteJid ?? '',
        alt: key.remoteJidAlt,
      }));
  }

  async stop(): Promise<void> {
    await (this.sock as WASocket | undefined)?.end(undefined);
  }
}

const nothing = (): void => undefined;
const SILENT = {
  level: 'silent',
  child: () => SILENT,
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
};

/** Baileys hands over values that it does not touch again (sessions are serialised already), so they are kept as they are. */
function memoryState(): AuthenticationState {
  const rows = new Map<string, unknown>();
  return {
    creds: initAuthCreds(),
    keys: {
      get: async <T extends keyof SignalDataTypeMap>(type: T, ids: string[]) => {
        const found: { [id: string]: SignalDataTypeMap[T] } = {};
        for (const id of ids) {
          const value = rows.get(`${type} ${id}`) as SignalDataTypeMap[T] | undefined;
          if (value) found[id] = value;
        }
        return found;
      },
      set: async (data: SignalDataSet) => {
        for (const [type, entries] of Object.entries(data)) {
          for (const [id, value] of Object.entries(entries ?? {})) {
            if (value === null || value === undefined) rows.delete(`${type} ${id}`);
            else rows.set(`${type} ${id}`, value);
          }
        }
      },
    },
  };
}
