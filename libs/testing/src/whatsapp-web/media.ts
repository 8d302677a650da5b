import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { aesDecryptWithIV, aesEncrypWithIV, type BinaryNode, getMediaKeys, type MediaType } from '@whiskeysockets/baileys';
import type { OwnFile } from './contents.js';
import { node } from './nodes.js';
import { selfSigned } from './self-signed.js';

const PATH = '/media/';
/** The authentication code at the end of every encrypted file. */
const MAC = 10;
/** Files kept; older ones are gone, as on WhatsApp after some weeks. */
const KEPT = 500;

const USUAL_TYPE = {
  image: 'image/jpeg',
  video: 'video/mp4',
  audio: 'audio/ogg; codecs=opus',
  document: 'application/pdf',
  sticker: 'image/webp',
};

/** What goes wrong with a file on its way: the connection breaks half way, the server refuses it, or says nothing; or it is another's. */
export type MediaFault = 'break' | 'refuse' | 'hang' | 'change';

interface EncryptedFile {
  mediaKey?: Uint8Array | null;
  directPath?: string | null;
}

/**
 * Where files go. Clients upload by HTTPS, as Baileys does it whatever it is told: `certificate` is what they must trust. What
 * customers send is fetched by plain HTTP, from the server's own port.
 */
export class MediaStore {
  readonly certificate: string;
  /** What the next uploads and downloads meet, in order. */
  readonly faults: Record<'uploads' | 'downloads', MediaFault[]> = { uploads: [], downloads: [] };
  /** That have come whole. */
  uploads = 0;
  readonly #files = new Map<string, Buffer>();
  readonly #https: Server;
  readonly #hanging: IncomingMessage[] = [];

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
    const fault = this.faults.downloads.shift();
    if (fault === 'hang') return true;
    if (fault === 'refuse') response.writeHead(500).end();
    else if (file && fault === 'break') {
      response.writeHead(200, { 'content-length': file.length });
      response.write(file.subarray(0, file.length / 2), () => response.destroy());
    } else if (file && fault === 'change') {
      response.writeHead(200).end(Buffer.concat([file.subarray(0, -1), Buffer.from([file.at(-1)! ^ 1])]));
    } else if (file) response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(file);
    else response.writeHead(404).end();
    return true;
  }

  /** Encrypts a file as a phone does, and says where it is: at `origin`, this server's plain HTTP address. */
  async publish(origin: string, { kind, bytes, caption, fileName, mimetype = USUAL_TYPE[kind] }: OwnFile): Promise<object> {
    const mediaKey = randomBytes(32);
    const { cipherKey, iv, macKey } = await getMediaKeys(mediaKey, kind);
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
      ...(caption === undefined ? {} : { caption }),
      ...(fileName === undefined ? {} : { fileName }),
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

  /** Breaks the uploads off that hang. */
  breakHanging(): void {
    for (const request of this.#hanging.splice(0)) request.socket.destroy();
  }

  #upload(request: IncomingMessage, response: ServerResponse): void {
    const fault = this.faults.uploads.shift();
    if (fault === 'hang') return void this.#hanging.push(request);
    if (fault === 'break') return void request.once('data', () => request.socket.destroy());
    if (fault === 'refuse') {
      request.resume();
      return void request.on('end', () => response.writeHead(500).end());
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const name = new URL(request.url ?? '/', 'https://media').pathname.split('/').at(-1) ?? '';
      const path = this.#keep(name, Buffer.concat(chunks));
      this.uploads += 1;
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
