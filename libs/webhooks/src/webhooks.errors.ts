import { ValidationError } from '@soko/common';

export class BlockedUrlError extends ValidationError {
  constructor() {
    const message = 'this address may not be called: it must be public, or the operator must allow it in WEBHOOK_ALLOWED_CIDRS';
    super([{ path: 'url', code: 'blocked_address', message }]);
  }
}
export class TooManyHeadersError extends ValidationError {
  constructor(most: number) {
    super([{ path: 'headers', code: 'count', message: `at most ${most} headers can be set` }]);
  }
}
export class BadHeaderError extends ValidationError {
  constructor(name: string) {
    const message = `${name} cannot be set: use plain names and values of printable characters, other than those that Soko itself sends`;
    super([{ path: 'headers', code: 'header', message }]);
  }
}
