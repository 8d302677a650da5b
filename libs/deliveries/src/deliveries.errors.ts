import { AppError, ValidationError } from '@soko/common';
import { allowedDeliveryActions, type DeliveryAction, type DeliveryState } from './delivery-state.js';

export class DeliveryTransitionError extends AppError {
  constructor(state: DeliveryState, action: DeliveryAction) {
    const allowed = allowedDeliveryActions(state);
    const hint = allowed.length > 0 ? `allowed now: ${allowed.join(', ')}` : 'it allows no further action';
    const what = state.status === 'in_transit' ? 'delivery that is in transit' : `${state.status} delivery`;
    super(409, 'invalid_transition', `A ${what} cannot take the action ${action}; ${hint}.`);
  }
}

/** Positions are taken while somebody is on the way, and not before or after. */
export class NotInTransitError extends AppError {
  constructor(status: string) {
    super(409, 'delivery_not_in_transit', `Nobody is on the way with this delivery (it is ${status}); start it first.`);
  }
}

export class WrongCodeError extends AppError {
  constructor(readonly left: number) {
    const hint = left > 0 ? `${left} ${left === 1 ? 'try' : 'tries'} left` : 'no tries left';
    super(422, 'wrong_code', `That is not the code that the customer was sent; ${hint}. A photo is proof too.`, [
      { path: 'code', code: 'wrong_code', message: `the code is wrong; ${hint}` },
    ]);
  }
}

export class CodeLockedError extends AppError {
  constructor(seconds: number) {
    const minutes = Math.ceil(seconds / 60);
    const detail = `Too many wrong codes; try again in ${minutes} min, or prove it by a photo.`;
    super(422, 'code_locked', detail, [{ path: 'code', code: 'code_locked', message: detail }], seconds);
  }
}

/** It was set out with before there were codes. */
export class NoCodeError extends ValidationError {
  constructor() {
    super([{ path: 'code', code: 'no_code', message: 'the customer was sent no code; prove it by a photo (mediaId)' }]);
  }
}

export class ProofError extends ValidationError {
  constructor() {
    super([{ path: 'code', code: 'proof', message: 'give either code or mediaId' }]);
  }
}

export class UnknownDriverError extends ValidationError {
  constructor(driverId: string) {
    const message = `nobody in the team has the id ${driverId}; GET /api/users lists the team`;
    super([{ path: 'driverId', code: 'driver', message }]);
  }
}

export class NotAPhotoError extends ValidationError {
  constructor(path: 'mediaId' | 'file', what: string) {
    super([{ path, code: 'photo', message: `a photo is wanted, and ${what}; upload a JPEG, PNG or WebP` }]);
  }
}

/** The same for a token that never was and for one that has died: nothing is told of either. */
export class TrackingLinkError extends AppError {
  constructor() {
    super(404, 'tracking_link_not_found', 'This link has ended, or never was one; ask the shop for the news of your order.');
  }
}
