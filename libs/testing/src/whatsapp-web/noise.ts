import { aesDecryptGCM, aesEncryptGCM, Curve, hkdf, NOISE_MODE, NOISE_WA_HEADER, proto, sha256 } from '@whiskeysockets/baileys';
import type { NoiseIdentity } from './certificates.js';

const NOTHING = Buffer.alloc(0);

function nonce(counter: number): Buffer {
  const iv = Buffer.alloc(12);
  iv.writeUInt32BE(counter, 8);
  return iv;
}

/** The server's side of Noise XX (Baileys' `noise-handler.js` is the client's): `hello`, then `finish`, then both ciphers. */
export class NoiseResponder {
  #hash: Buffer = Buffer.from(NOISE_MODE);
  #salt: Buffer = this.#hash;
  #key: Buffer = this.#hash;
  #counter = 0;
  readonly #ephemeral = Curve.generateKeyPair();

  constructor(private readonly identity: NoiseIdentity) {
    this.#mixHash(NOISE_WA_HEADER);
  }

  hello({ clientHello }: proto.IHandshakeMessage): Uint8Array {
    const ephemeral = clientHello?.ephemeral;
    if (!ephemeral) throw new Error('The first message of the handshake has no ephemeral key');
    this.#mixHash(ephemeral);
    this.#mixHash(this.#ephemeral.public);
    this.#mixKey(Curve.sharedKey(this.#ephemeral.private, ephemeral));
    const certified = this.#seal(this.identity.static.public);
    this.#mixKey(Curve.sharedKey(this.identity.static.private, ephemeral));
    const payload = this.#seal(this.identity.chain);
    return proto.HandshakeMessage.encode({
      serverHello: { ephemeral: this.#ephemeral.public, static: certified, payload },
    }).finish();
  }

  /** @returns whom the client says to be, the key that it proved to hold, and the ciphers of all that follows. */
  finish({ clientFinish }: proto.IHandshakeMessage): { static: Buffer; payload: proto.ClientPayload; cipher: NoiseCipher } {
    if (!clientFinish?.static || !clientFinish.payload) throw new Error('The handshake ends without keys');
    const clientStatic = this.#open(clientFinish.static);
    this.#mixKey(Curve.sharedKey(this.#ephemeral.private, clientStatic));
    const payload = proto.ClientPayload.decode(this.#open(clientFinish.payload));
    const [fromClient, toClient] = this.#derive(NOTHING);
    return { static: clientStatic, payload, cipher: new NoiseCipher(toClient, fromClient) };
  }

  #mixHash(data: Uint8Array): void {
    this.#hash = sha256(Buffer.concat([this.#hash, data]));
  }

  #mixKey(secret: Uint8Array): void {
    [this.#salt, this.#key] = this.#derive(secret);
    this.#counter = 0;
  }

  #derive(secret: Uint8Array): [Buffer, Buffer] {
    const both = Buffer.from(hkdf(secret, 64, { salt: this.#salt, info: '' }));
    return [both.subarray(0, 32), both.subarray(32)];
  }

  #seal(plaintext: Uint8Array): Buffer {
    const sealed = aesEncryptGCM(plaintext, this.#key, nonce(this.#counter++), this.#hash);
    this.#mixHash(sealed);
    return sealed;
  }

  #open(sealed: Uint8Array): Buffer {
    const plaintext = aesDecryptGCM(sealed, this.#key, nonce(this.#counter++), this.#hash);
    this.#mixHash(sealed);
    return plaintext;
  }
}

export class NoiseCipher {
  #sent = 0;
  #received = 0;

  constructor(
    private readonly sending: Buffer,
    private readonly receiving: Buffer,
  ) {}

  seal(plaintext: Uint8Array): Buffer {
    return aesEncryptGCM(plaintext, this.sending, nonce(this.#sent++), NOTHING);
  }

  open(sealed: Uint8Array): Buffer {
    return aesDecryptGCM(sealed, this.receiving, nonce(this.#received++), NOTHING);
  }
}

/** Takes whole frames out of the bytes of a client's socket. */
export class FrameReader {
  #bytes: Buffer = NOTHING;
  #introduced = false;

  push(chunk: Buffer): Buffer[] {
    this.#bytes = this.#bytes.length > 0 ? Buffer.concat([this.#bytes, chunk]) : chunk;
    if (!this.#introduced && !this.#introduction()) return [];
    const frames: Buffer[] = [];
    while (this.#bytes.length >= 3) {
      const end = 3 + this.#bytes.readUIntBE(0, 3);
      if (this.#bytes.length < end) break;
      frames.push(this.#bytes.subarray(3, end));
      this.#bytes = this.#bytes.subarray(end);
    }
    return frames;
  }

  /** Routing information (`ED`, two bytes, its length, itself) may stand before the header. */
  #introduction(): boolean {
    let at = 0;
    if (this.#bytes.toString('latin1', 0, 2) === 'ED') {
      if (this.#bytes.length < 7) return false;
      at = 7 + this.#bytes.readUIntBE(4, 3);
    }
    const end = at + NOISE_WA_HEADER.length;
    if (this.#bytes.length < end) return false;
    if (!this.#bytes.subarray(at, end).equals(NOISE_WA_HEADER)) throw new Error('This is not a WhatsApp Web client');
    this.#bytes = this.#bytes.subarray(end);
    this.#introduced = true;
    return true;
  }
}

export function frame(body: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(3 + body.length);
  framed.writeUIntBE(body.length, 0, 3);
  framed.set(body, 3);
  return framed;
}
