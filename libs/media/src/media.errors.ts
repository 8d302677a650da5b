import { AppError } from '@soko/common';

/** The bytes are of a kind that is not taken. 415. */
export class UnsupportedMediaError extends AppError {
  constructor(detail: string) {
    super(415, 'media_type_not_supported', detail);
  }
}

/** The bytes and what the sender called them differ. 415. */
export class MediaTypeMismatchError extends AppError {
  constructor(declared: string, found: string) {
    super(
      415,
      'media_type_mismatch',
      `The file is declared as ${declared}, but its bytes are ${found}. Send it with its own type and file name extension.`,
    );
  }
}

/** More bytes than its kind may have. 413. */
export class MediaTooLargeError extends AppError {
  constructor(what: string, limitBytes: number) {
    super(413, 'media_too_large', `The ${what} is larger than ${limitBytes / 1_000_000} MB. Send a smaller one.`);
  }
}

/** The bytes are of a kind that is taken, but cannot be used: empty, cut off, damaged, too many pixels. 422. */
export class UnreadableMediaError extends AppError {
  constructor(detail: string) {
    super(422, 'media_not_readable', detail);
  }
}

/** A signed address that was changed or has run out. 403. */
export class MediaLinkError extends AppError {
  constructor() {
    super(403, 'media_link_not_valid', 'This link has expired or was changed. Ask the API for a new one.');
  }
}

export class MediaInUseError extends AppError {
  /** @param where what uses it, for people */
  constructor(where: string[]) {
    super(409, 'media_in_use', `The file is used by ${where.join(', ')}. Take it away there first.`);
  }
}

export class MediaNotReadyError extends AppError {
  constructor(id: string) {
    super(409, 'media_not_ready', `The file ${id} is still being processed; try again in a few seconds.`, undefined, 5);
  }
}

export class MediaFailedError extends AppError {
  constructor(id: string, reason: string) {
    super(422, 'media_failed', `The file ${id} cannot be used: ${reason}`);
  }
}
