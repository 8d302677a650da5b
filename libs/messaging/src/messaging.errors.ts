import { AppError } from '@soko/common';

export class NoChannelError extends AppError {
  constructor() {
    super(409, 'no_channel', 'The merchant has no channel yet; create one with POST /api/channels, or name one in channelId.');
  }
}
export class SimulatorOffError extends AppError {
  constructor() {
    super(409, 'simulator_disabled', 'The simulator is off here; set SIMULATOR_ENABLED=true to use it.');
  }
}
export class NotLinkingError extends AppError {
  constructor(why: string) {
    super(409, 'not_linking', why);
  }
}
export class NotLinkableError extends AppError {
  constructor(kind: string) {
    super(409, 'not_linkable', `A channel of kind ${kind} has no device to link; only kind baileys does.`);
  }
}
export class GatewaySilentError extends AppError {
  constructor() {
    super(503, 'gateway_silent', 'No gateway answered in time; see that bot-gateway runs, and ask again.', undefined, 5);
  }
}
export class ContactBlockedError extends AppError {
  constructor() {
    super(409, 'contact_blocked', 'This customer is blocked; lift it with PATCH /api/contacts/:id to write to them.');
  }
}
export class OptedOutError extends AppError {
  constructor() {
    super(409, 'opted_out', 'This customer wants no marketing; only messages of category utility or authentication may be sent.');
  }
}
export class OptInRefusedError extends AppError {
  constructor() {
    super(409, 'opted_out', 'This customer wrote STOP; only they can take that back, by writing START.');
  }
}
export class NotCancellableError extends AppError {
  constructor(status: string) {
    super(409, 'not_cancellable', `Only a message that is scheduled for later can be cancelled; this one is ${status}.`);
  }
}
