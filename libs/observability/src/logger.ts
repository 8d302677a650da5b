import { Writable } from 'node:stream';
import type { LoggerService } from '@nestjs/common';
import { maskPhone, workContext } from '@soko/common';
import { type Logger, pino } from 'pino';

const PHONE = /\+\d{7,15}(?!\d)/g;
/** With or without the device that follows the number: `263771234567:12@s.whatsapp.net`. */
const JID = /\b\d{7,20}(?=(?:[_:]\d+)*@(?:s\.whatsapp\.net|c\.us|lid))/g;

/** Customers' numbers are masked in the finished line, so no call site can forget to. */
export const maskLine = (line: string): string => line.replace(PHONE, maskPhone).replace(JID, (digits) => maskPhone(digits));

/** The process's logger: JSON lines on stdout with the request id of the work at hand. */
export function createLogger(app: string, level: string, out: NodeJS.WritableStream = process.stdout): Logger {
  const masked = new Writable({
    decodeStrings: false,
    write: (line: string, _encoding, done) => {
      out.write(maskLine(line));
      done();
    },
  });
  return pino(
    {
      level,
      base: { app },
      mixin: () => (workContext.requestId ? { requestId: workContext.requestId } : {}),
      redact: ['*.password', '*.secret', '*.authorization', 'authorization', 'password', 'secret'],
    },
    masked,
  );
}

/** Nest's own messages through pino. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Pick<Logger, 'trace' | 'debug' | 'warn' | 'error' | 'fatal'>) {}
  log = (message: unknown, context?: string) => this.logger.debug({ context }, String(message));
  debug = (message: unknown, context?: string) => this.logger.debug({ context }, String(message));
  verbose = (message: unknown, context?: string) => this.logger.trace({ context }, String(message));
  warn = (message: unknown, context?: string) => this.logger.warn({ context }, String(message));
  error = (message: unknown, stack?: string, context?: string) => this.logger.error({ context, stack }, String(message));
  fatal = (message: unknown, context?: string) => this.logger.fatal({ context }, String(message));
}
