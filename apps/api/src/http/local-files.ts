import { Inject, Injectable } from '@nestjs/common';
import send from '@fastify/send';
import { AppError, NotFoundError } from '@soko/common';
import { type LinkQuery, LocalLinks, LocalMediaStore, MEDIA_STORE, MediaLinkError, type MediaStore, parseKey } from '@soko/media';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Nothing in a file is ever run, whatever a browser takes it for. */
const HARMLESS = {
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; media-src 'self'; img-src 'self'; sandbox",
  'cross-origin-resource-policy': 'cross-origin',
  'x-content-type-options': 'nosniff',
};

class UnsatisfiableRangeError extends AppError {
  constructor() {
    super(416, 'range_not_satisfiable', 'The file has no such bytes; the header Content-Range tells how many it has.');
  }
}
class PreconditionError extends AppError {
  constructor() {
    super(412, 'precondition_failed', 'The file is not the one that If-Match or If-Unmodified-Since asks for; fetch it anew.');
  }
}

/** Hands out what lies on this machine's disk, to whoever has a link. */
@Injectable()
export class LocalFiles {
  constructor(
    @Inject(MEDIA_STORE) private readonly store: MediaStore,
    private readonly links: LocalLinks,
  ) {}

  /** Whole or a range of it, as asked. @throws MediaLinkError, NotFoundError */
  async send(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { merchantId, blobId, variant } = request.params as Record<string, string>;
    const key = `${merchantId}/${blobId}/${variant}`;
    const { expires = '', type = '', disposition = '', token = '' } = request.query as Partial<Record<keyof LinkQuery, string>>;
    const texts = [expires, type, disposition, token].every((each) => typeof each === 'string');
    if (!parseKey(key) || !texts || !this.links.verify(key, { expires, type, disposition, token })) throw new MediaLinkError();
    if (!(this.store instanceof LocalMediaStore)) throw new NotFoundError('media', key);
    const sent = await send(request.raw, `/${key}`, {
      root: this.store.folder,
      contentType: false,
      cacheControl: false,
    });
    const { statusCode, headers, stream } = sent;
    if (statusCode === 416) {
      void reply.header('content-range', headers['Content-Range']);
      throw new UnsatisfiableRangeError();
    }
    if (statusCode === 412) throw new PreconditionError();
    if (statusCode === 404) throw new NotFoundError('media', key);
    if (sent.type === 'error') throw sent.metadata.error;
    void reply.code(statusCode).headers({
      ...headers,
      ...HARMLESS,
      'content-type': type,
      'content-disposition': disposition,
      'cache-control': 'private, max-age=3600',
    });
    await reply.send(stream);
  }
}
