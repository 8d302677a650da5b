import {
  applyDecorators,
  Controller,
  Delete,
  Get,
  HttpCode,
  Param,
  Post,
  Query,
  Req,
  Res,
  UseInterceptors,
} from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiExcludeEndpoint, ApiParam, ApiTags } from '@nestjs/swagger';
import { type AppError, NotFoundError, type Page } from '@soko/common';
import { type Caller, Me, Requires, type Scope } from '@soko/identity';
import {
  MediaInUseError,
  MediaLinkError,
  MediaQuery,
  MediaService,
  MediaTooLargeError,
  MediaTypeMismatchError,
  MediaView,
  SignedUrlView,
  UnreadableMediaError,
  UnsupportedMediaError,
  UploadBody,
} from '@soko/media';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LocalFiles } from './http/local-files.js';
import { ReadsUpload, type Upload, UploadTypeError } from './http/upload.js';
import { Id } from './input.pipe.js';
import { Fails, Paged } from './openapi/decorators.js';
import { SAMPLE_ID } from './openapi/examples.js';
import { CountsAs } from './rate-limit.guard.js';

/** Where the file is read after it is known who sends it. */
export const UPLOAD_PATHS = ['/api/media/upload', '/api/upload/media', '/api/deliveries/:id/photo'];
/** A storage path with its slashes as they are. */
const IN_PARTS = ':merchantId/:blobId/:variant';
type PathParts = Record<'merchantId' | 'blobId' | 'variant', string>;
const pathOf = ({ merchantId, blobId, variant }: PathParts): string => `${merchantId}/${blobId}/${variant}`;
const PATH = `${SAMPLE_ID}/${SAMPLE_ID}/original`;
const IN_USE = new MediaInUseError(['the product Maize meal 10 kg']);
const StoragePath = ApiParam({ name: 'path', schema: { type: 'string', maxLength: 300, example: PATH } });

export const TakesAFile = (scope: Scope = 'media:write', ...fails: AppError[]): MethodDecorator =>
  applyDecorators(
    Requires(scope),
    CountsAs('uploads'),
    UseInterceptors(ReadsUpload),
    ApiConsumes('application/json', 'multipart/form-data'),
    ApiBody({ type: UploadBody }),
    Fails(
      new UploadTypeError(),
      new UnsupportedMediaError('Files of type exe (application/x-msdownload) are not taken.'),
      new MediaTypeMismatchError('image/png', 'image/jpeg'),
      new MediaTooLargeError('image', 5_000_000),
      new UnreadableMediaError('The file is empty. Choose the file again and send it once more.'),
      ...fails,
    ),
  );

@ApiTags('Media')
@Controller('api')
export class MediaController {
  constructor(private readonly media: MediaService) {}

  /**
   * A picture (5 MB), a video (50 MB), a document (10 MB) or a sound (15 MB): as `multipart/form-data` in the field `file`, or as JSON
   * with the bytes in base64. What it is is told by its bytes. Pictures are `processing` at first; `GET /api/media/{id}` tells when they are
   * `ready`.
   */
  @Post('media/upload')
  @TakesAFile()
  upload(@Me() { merchantId }: Caller, @Req() { body }: FastifyRequest): Promise<MediaView> {
    const { file, declared } = body as Upload;
    return this.media.keep(merchantId, file, declared, 'upload');
  }

  /** The same as `POST /api/media/upload`. */
  @Post('upload/media')
  @TakesAFile()
  uploadMedia(@Me() caller: Caller, @Req() request: FastifyRequest): Promise<MediaView> {
    return this.upload(caller, request);
  }

  /** Newest first, those that customers sent among them. */
  @Get('media')
  @Requires('media:read')
  @Paged(MediaView)
  list(@Me() { merchantId }: Caller, @Query() query: MediaQuery): Promise<Page<MediaView>> {
    return this.media.list(merchantId, query);
  }

  @Get('media/:media_id')
  @Requires('media:read')
  get(@Me() { merchantId }: Caller, @Id('media_id') id: string): Promise<MediaView> {
    return this.media.get(merchantId, id);
  }

  /** Refused while a product, a template, a delivery or a message that waits to be sent uses the file. */
  @Delete('media/:media_id')
  @Requires('media:write')
  @HttpCode(204)
  @Fails(IN_USE)
  remove(@Me() { merchantId }: Caller, @Id('media_id') id: string): Promise<void> {
    return this.media.delete(merchantId, id);
  }

  /** A new link, for an hour, to what lies at a `path`. Its slashes may be written as `%2F` or as they are. */
  @Get('upload/signed-url/:path')
  @Requires('media:read')
  @StoragePath
  @Fails(new NotFoundError('media', PATH))
  signedUrl(@Me() { merchantId }: Caller, @Param('path') path: string): Promise<SignedUrlView> {
    return this.media.signedUrl(merchantId, path);
  }

  @Get(`upload/signed-url/${IN_PARTS}`)
  @Requires('media:read')
  @ApiExcludeEndpoint()
  signedUrlInParts(@Me() caller: Caller, @Param() parts: PathParts): Promise<SignedUrlView> {
    return this.signedUrl(caller, pathOf(parts));
  }

  /** Deletes what lies at a `path`, with every file that has the same bytes. */
  @Delete('upload/:path')
  @Requires('media:write')
  @HttpCode(204)
  @StoragePath
  @Fails(IN_USE, new NotFoundError('media', PATH))
  removePath(@Me() { merchantId }: Caller, @Param('path') path: string): Promise<void> {
    return this.media.deletePath(merchantId, path);
  }

  @Delete(`upload/${IN_PARTS}`)
  @Requires('media:write')
  @HttpCode(204)
  @ApiExcludeEndpoint()
  removePathInParts(@Me() caller: Caller, @Param() parts: PathParts): Promise<void> {
    return this.removePath(caller, pathOf(parts));
  }
}

/** Where links to files on disk lead. Who has the link may read the file: its signature says which, as what, and until when. */
@ApiTags('Media')
@Controller('media')
@Requires('public')
// A page of a shop's pictures is no attack; the signature is checked before anything else.
@CountsAs('nothing')
export class MediaLinksController {
  constructor(private readonly files: LocalFiles) {}

  @Get(IN_PARTS)
  @ApiExcludeEndpoint()
  @Fails(new MediaLinkError())
  file(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.files.send(request, reply);
  }
}
