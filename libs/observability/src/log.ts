import type { Logger } from 'pino';

/** The injectable pino logger. */
export abstract class Log {
  abstract trace: Logger['trace'];
  abstract debug: Logger['debug'];
  abstract info: Logger['info'];
  abstract warn: Logger['warn'];
  abstract error: Logger['error'];
  abstract fatal: Logger['fatal'];
}
