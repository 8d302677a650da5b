import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { AppError, validateInput, ValidationError } from '@soko/common';
import { type Declared, type IncomingFile, MediaTooLargeError, TEMPORARY, UploadBody, withIncomingFile } from '@soko/media';
import busboy from 'busboy';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { tooDeep } from './server.js';

/** What a file in JSON may have, in bytes. */
const JSON_LIMIT = 15_000_000;
/** That in base64, and the rest of the body. */
const JSON_BODY_LIMIT = Math.ceil(JSON_LIMIT / 3) * 4 + 4_096;
/** Of a body that was refused, so much is still taken in: the sender is to hear why. */
const DRAIN_LIMIT = 100_000_000;
/** Bodies of this type reach the handlers as they come. */
const AS_IT_COMES = 'application/vnd.soko.upload';

export class UploadTypeError extends AppError {
  constructor() {
    super(
      415,
      'upload_type_not_supported',
      'Send the file as multipart/form-data in the field "file", or as JSON: { filename, mimeType, data } with data in base64.',
    );
  }
}

/** A file that has come whole, and lies in a temporary place while its request lasts. */
export class Upload {
  constructor(
    readonly file: IncomingFile,
    readonly declared: Declared,
  ) {}

  /** What tells this request from another: not where the file lies. */
  toJSON(): object {
    return { ...this.declared, hash: this.file.hash, size: this.file.size };
  }
}

type UploadRequest = FastifyRequest & { uploadType?: string };

/** Lets the bodies of routes with `@ReadsUpload` wait until it is known who sends them. */
export function takeUploads(server: FastifyInstance, isUpload: (url: string) => boolean): void {
  server.addHook('onRequest', (request: UploadRequest, _reply, done) => {
    if (request.method === 'POST' && isUpload(request.routeOptions.url ?? '')) {
      request.uploadType = request.headers['content-type'] ?? '';
      request.headers['content-type'] = AS_IT_COMES;
    }
    done();
  });
  server.addContentTypeParser(AS_IT_COMES, (_request, _payload, done) => done(null));
}

/** Reads the file of a request, after the guards and before everything else, and makes it the request's body: an `Upload`. */
@Injectable()
export class ReadsUpload implements NestInterceptor {
  constructor(@Inject(TEMPORARY) private readonly temporary: string) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<UploadRequest>();
    const rest = async (file: IncomingFile, declared: Declared): Promise<unknown> => {
      request.body = new Upload(file, declared);
      return lastValueFrom(next.handle(), { defaultValue: undefined });
    };
    return from(this.read(request, rest));
  }

  private async read(
    request: UploadRequest,
    use: (file: IncomingFile, declared: Declared) => Promise<unknown>,
  ): Promise<unknown> {
    try {
      const { source, declared } = await open(request);
      return await withIncomingFile(source, declared, (file) => use(file, declared), this.temporary);
    } finally {
      drain(request);
    }
  }
}

interface Opened {
  source: Readable;
  declared: Declared;
}

function open(request: UploadRequest): Promise<Opened> {
  const type = request.uploadType?.split(';')[0]!.trim().toLowerCase();
  if (type === 'multipart/form-data') return openForm(request);
  if (type === 'application/json') return openJson(request);
  throw new UploadTypeError();
}

async function openJson(request: UploadRequest): Promise<Opened> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.raw as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > JSON_BODY_LIMIT) throw new MediaTooLargeError('file in JSON', JSON_LIMIT);
    chunks.push(chunk);
  }
  const body = parse(Buffer.concat(chunks).toString());
  const deep = tooDeep(body);
  if (deep) throw deep;
  const { filename, mimeType, data } = validateInput(UploadBody, body);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(data) || data.length % 4 !== 0) throw fault('data', 'data must be base64, without a prefix');
  return { source: Readable.from([Buffer.from(data, 'base64')]), declared: { filename, mimeType } };
}

class UnreadableJsonError extends AppError {
  constructor() {
    super(400, 'unreadable_body', 'The body is no JSON; send { filename, mimeType, data }.');
  }
}

function parse(text: string): object {
  try {
    return JSON.parse(text) as object;
  } catch {
    throw new UnreadableJsonError();
  }
}

/** The one file of a form. Whatever is wrong with what follows it shows when the file has been read. */
async function openForm(request: UploadRequest): Promise<Opened> {
  const form = formOf(request);
  const opened = new Promise<Opened>((resolve, reject) => {
    form.on('file', (name, file, { filename, mimeType }) => {
      if (name !== 'file') return reject(fault(name, 'the file must be in the field "file"'));
      // What is wrong later is told by the form's end.
      file.on('error', () => undefined);
      resolve({ source: Readable.from(wholeOf(file, ended)), declared: { filename, mimeType } });
    });
    form.on('field', (name) => reject(fault(name, `${name} is no field of an upload: there is one, "file"`)));
    form.on('partsLimit', () => reject(fault('file', 'there must be one file, in the field "file"')));
    form.on('close', () => reject(fault('file', 'there must be one file, in the field "file"')));
  });
  const extra = new Promise<never>((_, reject) => {
    for (const event of ['filesLimit', 'fieldsLimit', 'partsLimit'] as const)
      form.on(event, () => reject(fault('file', 'there must be one file and nothing else, in the field "file"')));
    form.on('field', (name) => reject(fault(name, `${name} is no field of an upload: there is one, "file"`)));
  });
  const ended: Promise<void> = Promise.race([pipeline(request.raw, form), extra]);
  ended.catch(() => undefined);
  extra.catch(() => undefined);
  return Promise.race([opened, ended.then(() => opened)]);
}

function formOf(request: UploadRequest): busboy.Busboy {
  try {
    return busboy({
      headers: { ...request.headers, 'content-type': request.uploadType },
      defParamCharset: 'utf8',
      limits: { files: 1, fields: 1, parts: 2, fieldNameSize: 100, fieldSize: 1_024, headerPairs: 20 },
    });
  } catch (error) {
    throw fault('file', `the form cannot be read (${(error as Error).message}); send multipart/form-data with a boundary`);
  }
}

async function* wholeOf(file: Readable, ended: Promise<void>): AsyncGenerator<Buffer> {
  yield* file as AsyncIterable<Buffer>;
  await ended;
}

/** Takes in what is left of a body that was refused, and throws it away. */
function drain({ raw }: FastifyRequest): void {
  if (raw.readableEnded || raw.destroyed) return;
  let left = DRAIN_LIMIT;
  raw.unpipe();
  raw.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) raw.destroy();
  });
  raw.resume();
}

const fault = (path: string, message: string): ValidationError => new ValidationError([{ path, code: 'upload', message }]);
