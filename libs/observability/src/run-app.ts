import { writeFile } from 'node:fs/promises';
import type { INestApplicationContext } from '@nestjs/common';
import { ValidationError } from '@soko/common';
import { Settings, settingsErrorLines } from '@soko/config';
import { Log } from './log.js';

const SHUTDOWN_MS = 7_000;
const HEARTBEAT_MS = 5_000;

/**
 * The life of one process: start, tell the parent, stop cleanly on a signal or when the parent is gone.
 * A start that fails prints one line and exits with 1.
 */
export async function runApp(start: () => Promise<INestApplicationContext>): Promise<void> {
  let app: INestApplicationContext;
  try {
    app = await start();
  } catch (error) {
    process.stderr.write(`${startError(error)}\n`, () => process.exit(1));
    return;
  }
  const log = app.get(Log);
  let stopping = false;
  const stop = (why: string): void => {
    if (stopping) return;
    stopping = true;
    log.info({ why }, 'stopping');
    // Work that does not end in time is taken up again by whoever runs next: that is what the rows are for.
    setTimeout(() => process.exit(1), SHUTDOWN_MS).unref();
    app.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'the shutdown failed');
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop(signal));
  process.on('disconnect', () => stop('the parent process is gone'));
  process.on('unhandledRejection', (error) => {
    log.fatal({ err: error }, 'unhandled rejection');
    stop('unhandled rejection');
  });
  const { HEARTBEAT_FILE: heartbeat } = app.get(Settings);
  if (heartbeat) {
    // A process whose event loop is stuck does not get to touch it.
    const beat = () => writeFile(heartbeat, '').catch((error: unknown) => log.warn({ err: error }, 'no heartbeat'));
    await beat();
    setInterval(() => void beat(), HEARTBEAT_MS).unref();
  }
  log.info('ready');
  process.send?.({ type: 'ready' });
}

function startError(error: unknown): string {
  if (error instanceof ValidationError) return settingsErrorLines(error);
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
