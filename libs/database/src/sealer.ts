import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Settings } from '@soko/config';

const VERSION = 'v1';
const PLAIN = 'plain.';

/**
 * Keeps secrets in the database: envelope encryption by AES-256-GCM. Each value has a data key of its own, which is wrapped by
 * the first of ENCRYPTION_KEYS; rotation wraps it anew and leaves the data as it is. A value opens only for the merchant and the
 * place (`table.column`) that it was sealed for, so that a row's secret cannot be moved to another.
 * Format: `v1.<key id>.<wrapped data key>.<data>`, both in base64url as 12 bytes nonce, 16 bytes tag, ciphertext.
 */
@Injectable()
export class Sealer {
  private readonly keys: Map<string, Buffer>;
  /** The key that everything new is sealed under. */
  readonly currentKey: string;

  constructor(settings: Settings) {
    const entries = settings.ENCRYPTION_KEYS.map((entry) => entry.split(':') as [string, string]);
    this.keys = new Map(entries.map(([id, key]) => [id, Buffer.from(key, 'base64')]));
    this.currentKey = entries[0]![0];
  }

  seal(text: string, merchantId: string, place: string): string {
    const dataKey = randomBytes(32);
    const data = encrypt(dataKey, Buffer.from(text), `${merchantId} ${place}`);
    return this.join(this.wrap(dataKey), data);
  }

  /** @throws Error when the value was changed or moved, or its key is not among ENCRYPTION_KEYS. */
  open(sealed: string, merchantId: string, place: string): string {
    if (sealed.startsWith(PLAIN)) return sealed.slice(PLAIN.length);
    const { keyId, wrapped, data } = split(sealed);
    return decrypt(this.unwrap(keyId, wrapped), data, `${merchantId} ${place}`).toString();
  }

  /** The same value under the current key. */
  reseal(sealed: string, merchantId: string, place: string): string {
    if (sealed.startsWith(PLAIN)) return this.seal(sealed.slice(PLAIN.length), merchantId, place);
    const { keyId, wrapped, data } = split(sealed);
    return this.join(this.wrap(this.unwrap(keyId, wrapped)), data);
  }

  private join(wrapped: string, data: string): string {
    return [VERSION, this.currentKey, wrapped, data].join('.');
  }

  private wrap(dataKey: Buffer): string {
    return encrypt(this.keys.get(this.currentKey)!, dataKey, this.currentKey);
  }

  private unwrap(keyId: string, wrapped: string): Buffer {
    const key = this.keys.get(keyId);
    if (!key) throw new Error(`a value is sealed under the key "${keyId}": add it to ENCRYPTION_KEYS again`);
    return decrypt(key, wrapped, keyId);
  }
}

function split(sealed: string): { keyId: string; wrapped: string; data: string } {
  const [version, keyId, wrapped, data] = sealed.split('.');
  if (version !== VERSION || !keyId || !wrapped || data === undefined) throw new Error('this is no sealed value');
  return { keyId, wrapped, data };
}

function encrypt(key: Buffer, plain: Buffer, context: string): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
  const text = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url');
}

function decrypt(key: Buffer, packed: string, context: string): Buffer {
  const bytes = Buffer.from(packed, 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 });
  decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(12, 28));
  return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]);
}
