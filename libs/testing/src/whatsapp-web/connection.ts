import { type BinaryNode, decodeBinaryNode, encodeBinaryNode, proto } from '@whiskeysockets/baileys';
import type { RawData, WebSocket } from 'ws';
import type { NoiseIdentity } from './certificates.js';
import { frame, FrameReader, type NoiseCipher, NoiseResponder } from './noise.js';

export interface ConnectionEvents {
  /** The handshake is done; `key` is the noise key that the client proved to hold. */
  entered(connection: Connection, payload: proto.ClientPayload, key: Buffer): void;
  stanza(connection: Connection, node: BinaryNode): void;
  closed(connection: Connection): void;
  /** A stanza broke this server: a mistake in it, not in the client. */
  failed(error: unknown): void;
}

/** One socket of a client, from its handshake to its close. */
export class Connection {
  readonly openedAt = Date.now();
  closedAt: number | undefined;
  #reader = new FrameReader();
  #noise: NoiseResponder;
  #cipher: NoiseCipher | undefined;
  #greeted = false;
  /** Compressed stanzas are inflated asynchronously, so they take turns. */
  #turn: Promise<void> = Promise.resolve();

  constructor(
    private readonly socket: WebSocket,
    identity: NoiseIdentity,
    private readonly events: ConnectionEvents,
  ) {
    this.#noise = new NoiseResponder(identity);
    socket.on('message', (data) => this.#received(data));
    socket.on('close', () => {
      this.closedAt ??= Date.now();
      events.closed(this);
    });
    // A client that breaks off in the middle of a frame is what these tests are about; `close` follows.
    socket.on('error', () => undefined);
  }

  get open(): boolean {
    return this.closedAt === undefined && this.socket.readyState === this.socket.OPEN;
  }

  send(node: BinaryNode): void {
    if (!this.open || !this.#cipher) return;
    this.socket.send(frame(this.#cipher.seal(encodeBinaryNode(node))));
  }

  /** Says why, then closes as the real server does. */
  end(reason?: BinaryNode): void {
    if (reason) this.send(reason);
    this.closedAt ??= Date.now();
    this.socket.close();
  }

  /** Breaks off without a word, as a lost network does. */
  destroy(): void {
    this.closedAt ??= Date.now();
    this.socket.terminate();
  }

  #received(data: RawData): void {
    if (this.closedAt !== undefined) return;
    try {
      for (const body of this.#reader.push(data as Buffer)) this.#frame(body);
    } catch (error) {
      this.events.failed(error);
      this.destroy();
    }
  }

  #frame(body: Buffer): void {
    if (this.#cipher) {
      const plaintext = this.#cipher.open(body);
      this.#turn = this.#turn
        .then(async () => {
          const node = await decodeBinaryNode(plaintext);
          if (this.closedAt === undefined) this.events.stanza(this, node);
        })
        .catch((error: unknown) => {
          this.events.failed(error);
          this.destroy();
        });
      return;
    }
    const message = proto.HandshakeMessage.decode(body);
    if (this.#greeted) {
      const { static: key, payload, cipher } = this.#noise.finish(message);
      this.#cipher = cipher;
      this.events.entered(this, payload, key);
    } else {
      this.#greeted = true;
      this.socket.send(frame(this.#noise.hello(message)));
    }
  }
}
