import type { StoredAnswer } from '@soko/database';

/** Not an error: ends a request with an answer that exists already, byte for byte. */
export class Answered {
  constructor(
    readonly answer: StoredAnswer,
    readonly headers: Record<string, string> = {},
  ) {}
}
