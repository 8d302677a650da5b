import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { type BinaryNode, type proto, S_WHATSAPP_NET } from '@whiskeysockets/baileys';
import type { Connection } from './connection.js';
import { bytes, child, node, result, userOf } from './nodes.js';

/** As many QR codes as WhatsApp offers before the client must start again. */
const REFS = 6;
const CODE_REQUEST_MS = 3000;

/** What a device sends to be linked by a code typed on the phone. */
export interface CodeRequest {
  ref: string;
  wrappedEphemeral: Buffer;
}

/** A device that is not linked yet: it shows a QR code, or a pairing code. */
export class Companion {
  readonly refs = Array.from({ length: REFS }, () => `2@${randomBytes(64).toString('base64')}`);
  codeRequest: CodeRequest | undefined;
  readonly #answers = new Map<string, (answer: BinaryNode) => void>();
  readonly #gone: Promise<never>;
  #leave: (error: Error) => void = () => undefined;
  #asked = 0;

  constructor(
    readonly connection: Connection,
    readonly registration: proto.ClientPayload.IDevicePairingRegistrationData,
    readonly noiseKey: Buffer,
  ) {
    this.#gone = new Promise((_, reject) => (this.#leave = reject));
    // Nobody may be waiting for it.
    this.#gone.catch(() => undefined);
  }

  /** Sends an iq and waits for its answer. @throws Error when the device goes away first. */
  async ask(content: BinaryNode): Promise<BinaryNode> {
    const id = `pair-${++this.#asked}`;
    const answer = this.expect(id);
    this.connection.send(node('iq', { from: S_WHATSAPP_NET, type: 'set', id, xmlns: 'md' }, [content]));
    return answer;
  }

  expect(id: string): Promise<BinaryNode> {
    return Promise.race([new Promise<BinaryNode>((resolve) => this.#answers.set(id, resolve)), this.#gone]);
  }

  answered(id: string, answer: BinaryNode): void {
    this.#answers.get(id)?.(answer);
    this.#answers.delete(id);
  }

  left(): void {
    this.#leave(new Error('The device went away while it was being linked'));
  }
}

/** Every device that waits to be linked. */
export class PairingDesk {
  readonly #companions = new Map<Connection, Companion>();
  readonly #byRef = new Map<string, Companion>();
  readonly #byNumber = new Map<string, Companion>();

  enter(connection: Connection, registration: proto.ClientPayload.IDevicePairingRegistrationData, noiseKey: Buffer): void {
    const companion = new Companion(connection, registration, noiseKey);
    this.#companions.set(connection, companion);
    for (const ref of companion.refs) this.#byRef.set(ref, companion);
    const refs = companion.refs.map((ref) => node('ref', {}, Buffer.from(ref)));
    companion.ask(node('pair-device', {}, refs)).catch(() => undefined);
  }

  has(connection: Connection): boolean {
    return this.#companions.has(connection);
  }

  stanza(connection: Connection, stanza: BinaryNode): void {
    const companion = this.#companions.get(connection);
    if (!companion || stanza.tag !== 'iq') return;
    if (stanza.attrs.type === 'result') return companion.answered(stanza.attrs.id ?? '', stanza);
    const request = child(stanza, 'link_code_companion_reg');
    if (request?.attrs.stage === 'companion_hello') {
      const ref = randomBytes(16).toString('base64');
      companion.codeRequest = { ref, wrappedEphemeral: bytes(request, 'link_code_pairing_wrapped_companion_ephemeral_pub') };
      this.#byNumber.set(userOf(request.attrs.jid), companion);
      const answer = node('link_code_companion_reg', { stage: 'companion_hello' }, [
        node('link_code_pairing_ref', {}, Buffer.from(ref)),
      ]);
      return connection.send(result(stanza, [answer]));
    }
    connection.send(result(stanza));
    if (request?.attrs.stage === 'companion_finish') companion.answered('companion_finish', request);
  }

  leave(connection: Connection): void {
    const companion = this.#companions.get(connection);
    if (!companion) return;
    this.#companions.delete(connection);
    for (const ref of companion.refs) this.#byRef.delete(ref);
    for (const [number, one] of this.#byNumber) if (one === companion) this.#byNumber.delete(number);
    companion.left();
  }

  byRef(ref: string): Companion {
    const companion = this.#byRef.get(ref);
    if (!companion) throw new Error('No device shows this QR code any more');
    return companion;
  }

  /** Waits some seconds for the device, which says that it shows a code before the server has heard of it. */
  async byNumber(user: string): Promise<Companion> {
    const deadline = Date.now() + CODE_REQUEST_MS;
    for (;;) {
      const companion = this.#byNumber.get(user);
      if (companion) return companion;
      if (Date.now() > deadline) throw new Error(`No device asks to be linked with ${user} by code`);
      await pause(10);
    }
  }

  get size(): number {
    return this.#companions.size;
  }
}
