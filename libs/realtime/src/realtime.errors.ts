import { AppError, ValidationError } from '@soko/common';

export class UnknownPlaceError extends ValidationError {
  constructor() {
    const message =
      'after must be the id of an event of yours, or the nextCursor of an earlier answer; the history may not reach back to it any more, or it was never yours. Leave it out to begin anew';
    super([{ path: 'after', code: 'unknown_place', message }]);
  }
}

export class EventsHiddenError extends AppError {
  constructor(type: string, scope: string | undefined) {
    super(403, 'event_hidden', `To be told of ${type} you need the scope ${scope ?? 'that nobody has yet'} besides events:read.`);
  }
}

export class TooManyStreamsError extends AppError {
  constructor(limit: number) {
    super(
      429,
      'too_many_streams',
      `This merchant has ${limit} streams open here; close one, or share one among many.`,
      undefined,
      30,
    );
  }
}

export class TooManyConnectsError extends AppError {
  constructor(limit: number, seconds: number) {
    super(
      429,
      'rate_limited',
      `More than ${limit} requests of this merchant in 15 minutes; try again in ${seconds} s.`,
      undefined,
      seconds,
    );
  }
}

export class StoppingError extends AppError {
  constructor() {
    super(503, 'stopping', 'This process is stopping; connect again, and another one answers.', undefined, 1);
  }
}

/** Why a stream was ended from our side; clients are told both. */
export const ENDINGS = {
  stopping: 'This process is stopping. Connect again with the id of the last event you have.',
  too_slow:
    'You take events more slowly than they happen. Connect again with the id of the last event you have, and read faster.',
  session_ended: 'The session or the API key has ended. Sign in again, then connect with the id of the last event you have.',
  access_changed: 'Your role or scopes have changed. Connect again with the id of the last event you have.',
} as const;
export type Ending = keyof typeof ENDINGS;
