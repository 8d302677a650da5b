import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BinaryNode, proto } from '@whiskeysockets/baileys';
import { WebSocketServer } from 'ws';
import { issueCertificates } from './certificates.js';
import { Connection, type ConnectionEvents } from './connection.js';
import { Customer, type CustomerMedia, type CustomerOptions } from './customer.js';
import { Keys } from './keys.js';
import { MediaStore } from './media.js';
import { failure } from './nodes.js';
import { PairingDesk } from './pairing.js';
import { type Network, Phone } from './phone.js';
import type { Entry } from './queries.js';
import { quietLibsignal } from './quiet-libsignal.js';

export interface WhatsappWebOptions {
  /** 0, the default, takes a free one. */
  port?: number;
  /** The same seed gives the same root certificate, and the same keys and lids to everyone. */
  seed?: string;
  /** For customers that are not told otherwise. */
  decrypt?: CustomerOptions['decrypt'];
}

type RequestHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

/** A WhatsApp Web server on the loopback interface: unmodified Baileys links to it, logs in and exchanges messages. */
export class WhatsappWeb implements Network, ConnectionEvents {
  readonly keys: Keys;
  readonly desk = new PairingDesk();
  readonly media = new MediaStore();
  readonly notOnWhatsapp = new Set<string>();
  /** What went wrong in this server itself; a test may want it to be empty. */
  readonly errors: unknown[] = [];
  /** New sockets are broken off, or get this HTTP status instead of an upgrade, as from a proxy before a WhatsApp that is down. */
  down: boolean | number = false;
  readonly #identity;
  readonly #phones = new Map<string, Phone>();
  readonly #customers = new Map<string, Customer>();
  /** By number and by lid. */
  readonly #directory = new Map<string, Phone | Customer>();
  readonly #owners = new WeakMap<Connection, Phone>();
  readonly #connections = new Set<Connection>();
  readonly #handlers: RequestHandler[] = [];
  readonly #http = createServer((request, response) => {
    if (this.media.handle(request, response) || this.#handlers.some((handle) => handle(request, response))) return;
    response.writeHead(404).end();
  });
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  readonly #media: CustomerMedia = {
    publish: (file) => this.media.publish(this.origin, file),
    read: (file, type) => this.media.read(file, type),
  };
  readonly #restoreConsole = quietLibsignal();

  constructor(private readonly options: WhatsappWebOptions = {}) {
    this.keys = new Keys(options.seed);
    this.#identity = issueCertificates(this.keys);
    this.#http.on('upgrade', (request, socket, head) => {
      socket.on('error', () => undefined);
      if (this.down === true) return void socket.destroy();
      if (this.down !== false) return void socket.end(`HTTP/1.1 ${this.down} Down\r\nConnection: close\r\n\r\n`);
      this.#sockets.handleUpgrade(request, socket, head, (ws) => {
        this.#connections.add(new Connection(ws, this.#identity, this));
      });
    });
  }

  async start(): Promise<this> {
    // Benches keep connections to the control API while their event loop is busy for seconds.
    this.#http.keepAliveTimeout = 120_000;
    await new Promise<void>((resolve, reject) => {
      this.#http.once('error', reject);
      this.#http.listen(this.options.port ?? 0, '127.0.0.1', resolve);
    });
    await this.media.start();
    return this;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  /** For the client's `waWebSocketUrl`. */
  get url(): string {
    return `ws://127.0.0.1:${this.port}/ws/chat`;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What a client that uploads media must trust: the `ca` of its `fetchAgent`, or a file in NODE_EXTRA_CA_CERTS. */
  get mediaCertificate(): string {
    return this.media.certificate;
  }

  /** For the client's `WA_CERT_DETAILS.PUBLIC_KEY`, in base64. */
  get noiseRoot(): string {
    return this.#identity.root;
  }

  /** The merchant's own phone with this number. */
  phone(number: string): Phone {
    const known = this.#phones.get(number);
    if (known) return known;
    const phone = new Phone(checked(number), this);
    this.#register(phone);
    this.#phones.set(number, phone);
    return phone;
  }

  /** Someone who writes to merchants. What `options` says of a known customer is changed. */
  customer(number: string, options: CustomerOptions = {}): Customer {
    const known = this.#customers.get(number);
    if (known) return Object.assign(known, options);
    const { decrypt } = this.options;
    const customer = new Customer(checked(number), this.keys, this.#media, { ...(decrypt && { decrypt }), ...options });
    this.#register(customer);
    this.#customers.set(number, customer);
    return customer;
  }

  get phones(): Phone[] {
    return [...this.#phones.values()];
  }

  get customers(): Customer[] {
    return [...this.#customers.values()];
  }

  /** Devices that show a QR code or a pairing code. */
  get waitingToLink(): number {
    return this.desk.size;
  }

  /** The account may not write to this customer: its messages get this error, 463 unless told otherwise; `undefined` lifts it. */
  restrict(phone: Phone, customer: Customer, error: string | undefined = '463'): void {
    phone.restrict(customer.number, error);
  }

  allow(phone: Phone, customer: Customer): void {
    phone.restrict(customer.number, undefined);
  }

  /** Answers further requests on the same port; the first handler that returns true has answered. */
  onRequest(handle: RequestHandler): void {
    this.#handlers.push(handle);
  }

  async stop(): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    this.#sockets.close();
    await new Promise<void>((resolve) => {
      this.#http.close(() => resolve());
      this.#http.closeAllConnections();
    });
    await this.media.stop();
    this.#restoreConsole();
  }

  find(user: string): Entry | undefined {
    if (this.notOnWhatsapp.has(`+${user}`)) return undefined;
    const known = this.#directory.get(user);
    // Every number that is not declared absent has WhatsApp; a lid that nobody has was never given out.
    return known ?? (user.length < 15 ? this.customer(`+${user}`) : undefined);
  }

  recipient(user: string): Customer | undefined {
    const entry = this.find(user);
    return entry instanceof Customer ? entry : undefined;
  }

  mediaConnection(): BinaryNode {
    return this.media.connection();
  }

  failed(error: unknown): void {
    this.errors.push(error);
  }

  entered(connection: Connection, payload: proto.ClientPayload, key: Buffer): void {
    if (payload.devicePairingData) return this.desk.enter(connection, payload.devicePairingData, key);
    const phone = this.#phones.get(`+${String(payload.username)}`);
    if (!phone) return connection.end(failure(401));
    this.#owners.set(connection, phone);
    phone.login(connection, payload, key);
  }

  stanza(connection: Connection, stanza: BinaryNode): void {
    const phone = this.#owners.get(connection);
    if (phone) phone.stanza(connection, stanza);
    else this.desk.stanza(connection, stanza);
  }

  closed(connection: Connection): void {
    this.#connections.delete(connection);
    this.desk.leave(connection);
    this.#owners.get(connection)?.closed(connection);
  }

  #register(someone: Phone | Customer): void {
    const other = this.#directory.get(someone.user);
    if (other) throw new Error(`${other.number} is ${other instanceof Phone ? 'a merchant' : 'a customer'} already`);
    this.#directory.set(someone.user, someone);
    this.#directory.set(someone.lidUser, someone);
  }
}

export function startWhatsappWeb(options: WhatsappWebOptions = {}): Promise<WhatsappWeb> {
  return new WhatsappWeb(options).start();
}

function checked(number: string): string {
  if (!/^\+\d{7,14}$/.test(number)) throw new Error(`${number} is not a phone number with + and country`);
  return number;
}
