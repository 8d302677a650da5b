import { AppError, ValidationError } from '@soko/common';

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
export class BadFilterError extends ValidationError {
  constructor(message: string) {
    super([{ path: 'filters', code: 'filter', message }]);
  }
}
export class WebhookInactiveError extends AppError {
  constructor() {
    super(409, 'webhook_inactive', 'Nothing is sent to a subscription that is not active; set active to true first.');
  }
}
/** The log outlived what it tells of. */
export class EventGoneError extends AppError {
  constructor() {
    super(409, 'event_gone', 'The event of this attempt is no longer kept, so it cannot be sent again.');
  }
}
export class RecoveryRunningError extends AppError {
  constructor() {
    super(409, 'recovery_running', 'A recovery of this subscription is still running; wait until it has ended.');
  }
}
export class BadRecoveryStartError extends ValidationError {
  constructor(days: number) {
    const message = `since must lie in the past ${days} days: what failed before is no longer kept`;
    super([{ path: 'since', code: 'range', message }]);
  }
}
