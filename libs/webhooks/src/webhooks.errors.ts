import { AppError, ValidationError } from '@soko/common';
import type { Refusal } from './address-guard.js';

const REFUSED: Record<Refusal, [code: string, message: string]> = {
  address: [
    'blocked_address',
    'this address may not be called: it must be public, or the operator must allow it in WEBHOOK_ALLOWED_CIDRS',
  ],
  https: ['https_needed', 'url must begin with https://: in production nothing is sent in the clear'],
  port: ['blocked_port', 'this port is one of other services: use 443, 80, or one from 1024 on that is not'],
  credentials: ['credentials', 'url must hold no user and no password: set a header instead'],
  url: ['url', 'url must be a whole address that begins with https:// or http://'],
};

/** Clear in what to do, and silent about what a name leads to. */
export class BlockedUrlError extends ValidationError {
  constructor(refusal: Refusal = 'address') {
    const [code, message] = REFUSED[refusal];
    super([{ path: 'url', code, message }]);
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
