import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { Agent, type Dispatcher } from 'undici';
import { answerVerdict, CloudError, silenceVerdict } from './cloud-errors.js';

const CONNECT_MS = 5_000;
const TOTAL_MS = 15_000;
/** Files take their time; a stall in the middle does not. */
const FILE_MS = 5 * 60_000;
const CONNECTIONS = 128;
/** Answers of the Graph API are small; more is read of none. */
const ANSWER_BYTES = 1024 * 1024;
const MAX_HOPS = 3;

/** Where Meta keeps files: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media */
const FILE_HOSTS = /^(?:lookaside\.fbsbx\.com|(?:[a-z0-9-]+\.)*fbcdn\.net)$/;

export interface Request {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  accessToken: string;
  headers?: Record<string, string>;
  body?: { bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>; size: number };
}

export interface Answer {
  status: number;
  /** Undefined when it is no JSON. */
  body: unknown;
  retryAfter?: string;
}

/** The wire to Meta: pooled, bounded in time and size, and never to a host that Meta does not own. */
export class CloudHttp {
  readonly origin: string;
  private readonly agent: Agent;

  constructor(
    baseUrl: string,
    private readonly totalMs = TOTAL_MS,
  ) {
    this.origin = new URL(baseUrl).origin;
    this.agent = new Agent({
      connections: CONNECTIONS,
      connect: { timeout: CONNECT_MS },
      headersTimeout: totalMs,
      bodyTimeout: totalMs,
      keepAliveTimeout: 30_000,
    });
  }

  /** Whatever came as an answer. @throws CloudError when none came: `retry` if nothing can have gone out, `doubt` otherwise. */
  async ask(request: Request): Promise<Answer> {
    let written = false;
    const { bytes, size } = request.body ?? { bytes: [], size: 0 };
    // Is asked for its first byte once there is a connection: until then nothing has gone out.
    async function* watched(): AsyncGenerator<Uint8Array> {
      written = true;
      yield* bytes;
    }
    let status: number | undefined;
    try {
      const response = await this.agent.request({
        origin: this.origin,
        path: request.path,
        method: request.method,
        headers: {
          authorization: `Bearer ${request.accessToken}`,
          accept: 'application/json',
          ...request.headers,
          ...(request.body ? { 'content-length': String(size) } : {}),
        },
        // undici takes any iterable; its types know streams alone.
        body: request.body ? (watched() as unknown as Readable) : null,
        signal: AbortSignal.timeout(size > ANSWER_BYTES ? FILE_MS : this.totalMs),
      });
      status = response.statusCode;
      return { status, body: await readJson(response), retryAfter: one(response.headers['retry-after']) };
    } catch (error) {
      // It was refused, whatever became of the words.
      if (status !== undefined && status >= 300) return { status, body: undefined };
      throw new CloudError(silenceVerdict(error, written));
    }
  }

  /**
   * The bytes of a file of Meta's. The token goes to Meta's own hosts alone, wherever a URL or a redirect may point.
   * @throws CloudError when it cannot be had, or is larger than `maxBytes`.
   */
  async *download(url: string, accessToken: string, maxBytes: number): AsyncGenerator<Buffer> {
    const response = await this.open(url, accessToken);
    const announced = Number(one(response.headers['content-length']) ?? 0);
    let size = 0;
    try {
      if (announced > maxBytes) throw tooLarge(maxBytes);
      for await (const chunk of response.body as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > maxBytes) throw tooLarge(maxBytes);
        yield chunk;
      }
    } catch (error) {
      throw error instanceof CloudError ? error : new CloudError(silenceVerdict(error, false));
    } finally {
      letGo(response.body);
    }
  }

  private async open(url: string, accessToken: string): Promise<Dispatcher.ResponseData> {
    let target = this.fileUrl(url);
    for (let hop = 0; hop <= MAX_HOPS; hop += 1) {
      let response: Dispatcher.ResponseData;
      try {
        response = await this.agent.request({
          origin: target.origin,
          path: target.pathname + target.search,
          method: 'GET',
          // Meta answers clients without a name with an error page.
          headers: { authorization: `Bearer ${accessToken}`, 'user-agent': 'soko' },
          signal: AbortSignal.timeout(FILE_MS),
        });
      } catch (error) {
        throw new CloudError(silenceVerdict(error, false));
      }
      if (response.statusCode === 200) return response;
      const location = one(response.headers.location);
      await response.body.dump().catch(() => undefined);
      if (response.statusCode < 300 || response.statusCode > 399 || !location) {
        throw new CloudError(answerVerdict(response.statusCode, undefined, one(response.headers['retry-after'])));
      }
      target = this.fileUrl(new URL(location, target).href);
    }
    throw new CloudError({ code: 'media_unreadable', fate: 'failed', text: 'The file is behind too many redirects.' });
  }

  /** @throws CloudError for a URL that is not Meta's: a made-up webhook must not make us call anything else. */
  private fileUrl(url: string): URL {
    const target = URL.canParse(url) ? new URL(url) : undefined;
    const ours = target?.origin === this.origin;
    const metas = target?.protocol === 'https:' && target.port === '' && FILE_HOSTS.test(target.hostname);
    if (target && target.username === '' && (ours || metas)) return target;
    throw new CloudError({ code: 'media_unreadable', fate: 'failed', text: 'The file does not lie with Meta.' });
  }

  close(): Promise<void> {
    return this.agent.destroy();
  }
}

export interface Upload {
  bytes: Uint8Array | AsyncIterable<Uint8Array>;
  /** In bytes; exactly. */
  size: number;
  mimeType: string;
  filename: string;
}

/** RFC 7578, as a stream: a film of 100 MB is never in memory. */
export function multipart(file: Upload): { contentType: string; body: NonNullable<Request['body']> } {
  const boundary = `soko${randomBytes(16).toString('hex')}`;
  const field = (name: string, value: string) =>
    `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const type = headerText(file.mimeType);
  const head = Buffer.from(
    `${field('messaging_product', 'whatsapp')}${field('type', type)}--${boundary}\r\n` +
      `content-disposition: form-data; name="file"; filename="${headerText(file.filename)}"\r\ncontent-type: ${type}\r\n\r\n`,
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield head;
    if (file.bytes instanceof Uint8Array) yield file.bytes;
    else yield* file.bytes;
    yield tail;
  }
  const size = head.length + file.size + tail.length;
  return { contentType: `multipart/form-data; boundary=${boundary}`, body: { bytes: bytes(), size } };
}

/** A name must not end its own header. */
const headerText = (text: string): string => text.replaceAll(/["\\\p{Cc}]/gu, '_').slice(0, 240);

const one = (header: string | string[] | undefined): string | undefined => (Array.isArray(header) ? header[0] : header);

const tooLarge = (maxBytes: number): CloudError =>
  new CloudError({ code: 'media_too_large', fate: 'failed', text: `The file is larger than ${maxBytes} bytes.` });

/** Ends an answer that is not read to its end, which is no error of anybody. */
function letGo(body: Readable): void {
  body.on('error', () => undefined);
  body.destroy();
}

async function readJson({ body }: Dispatcher.ResponseData): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > ANSWER_BYTES) {
      letGo(body);
      return undefined;
    }
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    return undefined;
  }
}
