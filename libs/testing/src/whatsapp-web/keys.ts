import { createHash, createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';

export interface KeyPair {
  private: Buffer;
  public: Buffer;
}

/** PKCS#8 around a raw X25519 private key: node reads no raw ones. */
const PKCS8_X25519 = Buffer.from('302e020100300506032b656e04220420', 'hex');

/**
 * The keys and numbers of everyone on this server, all from one seed: a server started again with the same seed has the same
 * root certificate and the same customers. Without a seed they differ from run to run.
 */
export class Keys {
  readonly #seed: string;

  constructor(seed = randomBytes(16).toString('hex')) {
    this.#seed = seed;
  }

  pair(name: string): KeyPair {
    const secret = this.#hash(name);
    // Clamped, as X25519 wants it; libsignal signs with the same bytes.
    secret.writeUInt8(secret.readUInt8(0) & 248, 0);
    secret.writeUInt8((secret.readUInt8(31) & 127) | 64, 31);
    const key = createPrivateKey({ key: Buffer.concat([PKCS8_X25519, secret]), format: 'der', type: 'pkcs8' });
    const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
    return { private: secret, public: Buffer.from(x, 'base64url') };
  }

  /** A lid: 15 digits that say nothing about the number behind them. */
  lid(number: string): string {
    return String(100_000_000_000_000n + (this.#hash(`lid ${number}`).readBigUInt64BE() % 800_000_000_000_000n));
  }

  /** 1 to 16380, as WhatsApp's clients have them. */
  registrationId(name: string): number {
    return 1 + (this.#hash(`registration ${name}`).readUInt32BE() % 16_380);
  }

  #hash(name: string): Buffer {
    return createHash('sha256').update(`${this.#seed} ${name}`).digest();
  }
}
