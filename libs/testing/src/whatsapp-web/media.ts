import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { aesDecryptWithIV, aesEncrypWithIV, type BinaryNode, getMediaKeys, type MediaType, proto } from '@whiskeysockets/baileys';
import { node } from './nodes.js';
import { selfSigned } from './self-signed.js';

const PATH = '/media/';
/** The authentication code at the end of every encrypted file. */
const MAC = 10;
/** Files kept; older ones are gone, as on WhatsApp after some weeks. */
const KEPT = 500;

interface EncryptedFile {
  mediaKey?: Uint8Array | null;
  directPath?: string | null;
}

/**
 * Where images go. Clients upload by HTTPS, as Baileys does it whatever it is told: `certificate` is what they must trust. What
 * customers send is fetched by plain HTTP, from the server's own port.
 */
export class MediaStore {
  readonly certificate: string;
  readonly #files = new Map<string, Buffer>();
  readonly #https: Server;

  constructor() {
    const { key, cert } = selfSigned();
    this.certificate = cert;
    this.#https = createServer({ key, cert }, (request, response) => this.#upload(request, response));
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#https.listen(0, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#https.close(() => resolve());
      this.#https.closeAllConnections();
    });
  }

  /** Where clients upload to. */
  get host(): string {
    return `127.0.0.1:${(this.#https.address() as AddressInfo).port}`;
  }

  connection(): BinaryNode {
    return node('media_conn', { auth: 'local', ttl: '3600', auth_ttl: '3600', max_buckets: '12' }, [
      node('host', { hostname: this.host, maxContentLengthBytes: '104857600' }),
    ]);
  }

  /** Answers `GET /media/…`. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    if (request.method !== 'GET' || !request.url?.startsWith(PATH)) return false;
    const file = this.#files.get(request.url);
    if (file) response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(file);
    else response.writeHead(404).end();
    return true;
  }

  /** Encrypts an image as a phone does, and says where it is: at `origin`, this server's plain HTTP address. */
  async publishImage(
    origin: string,
    { bytes, caption, mimetype = 'image/jpeg' }: { bytes: Uint8Array; caption?: string; mimetype?: string },
  ): Promise<proto.Message.IImageMessage> {
    const mediaKey = randomBytes(32);
    const { cipherKey, iv, macKey } = await getMediaKeys(mediaKey, 'image');
    const ciphertext = aesEncrypWithIV(Buffer.from(bytes), Buffer.from(cipherKey), Buffer.from(iv));
    const mac = createHmac('sha256', macKey ?? '')
      .update(iv)
      .update(ciphertext)
      .digest()
      .subarray(0, MAC);
    const file = Buffer.concat([ciphertext, mac]);
    const path = this.#keep(sha256(file).toString('base64url'), file);
    return {
      url: `${origin}${path}`,
      mimetype,
      caption,
      mediaKey,
      fileLength: bytes.length,
      fileSha256: sha256(bytes),
      fileEncSha256: sha256(file),
    };
  }

  /** What a client uploaded, decrypted. @throws Error when it is not here. */
  async read({ directPath, mediaKey }: EncryptedFile, type: MediaType): Promise<Buffer> {
    const file = this.#files.get(directPath ?? '');
    if (!file || !mediaKey) throw new Error(`Nothing was uploaded to ${directPath}`);
    const { cipherKey, iv } = await getMediaKeys(mediaKey, type);
    return aesDecryptWithIV(file.subarray(0, -MAC), cipherKey, iv);
  }

  #upload(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const name = new URL(request.url ?? '/', 'https://media').pathname.split('/').at(-1) ?? '';
      const path = this.#keep(name, Buffer.concat(chunks));
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ url: `https://${this.host}${path}`, direct_path: path }));
    });
  }

  #keep(name: string, file: Buffer): string {
    this.#files.set(`${PATH}${name}`, file);
    const oldest = this.#files.keys().next();
    if (this.#files.size > KEPT && !oldest.done) this.#files.delete(oldest.value);
    return `${PATH}${name}`;
  }
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
