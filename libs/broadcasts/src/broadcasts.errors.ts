import { AppError, ValidationError } from '@soko/common';
import { allowedBroadcastActions, type BroadcastAction, type BroadcastStatus } from './broadcast-state.js';

export class BroadcastTransitionError extends AppError {
  constructor(status: BroadcastStatus, action: BroadcastAction) {
    const allowed = allowedBroadcastActions(status);
    const hint = allowed.length > 0 ? `allowed now: ${allowed.join(', ')}` : 'it has ended; make a new one';
    super(409, 'invalid_transition', `A broadcast that is ${status} cannot take the action ${action}; ${hint}.`);
  }
}

export class NotForBroadcastsError extends ValidationError {
  constructor(category: string) {
    const message = `templates of category ${category} are for one person; choose one of category marketing or utility`;
    super([{ path: 'templateName', code: 'category', message }]);
  }
}
