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
