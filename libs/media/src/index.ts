export { type IncomingFile, withIncomingFile } from './incoming-file.js';
export { type LinkQuery, LocalLinks } from './local-links.js';
export { MediaQuery, MediaVariantsView, MediaVariantView, MediaView, SignedUrlView, UploadBody } from './media.dto.js';
export {
  MediaFailedError,
  MediaInUseError,
  MediaLinkError,
  MediaNotReadyError,
  MediaTooLargeError,
  MediaTypeMismatchError,
  UnreadableMediaError,
  UnsupportedMediaError,
} from './media.errors.js';
export { parseKey } from './media-key.js';
export { type Declared, MEDIA_LIMITS } from './media-kind.js';
export { MediaModule } from './media.module.js';
export { MediaProcessor } from './media-processor.js';
export { type MediaOrigin, MediaService, type ReadyMedia } from './media.service.js';
export { LocalMediaStore, type MediaStore } from './media-store.js';
export { MediaSweep } from './media-sweep.js';
export { MEDIA_STORE, TEMPORARY } from './tokens.js';
