import { hostname } from 'node:os';

/** Nothing takes so long: what was not touched since has been left. */
const LEFT_MS = 3_600_000;

const HOST = hostname().replaceAll(/[^\w-]/g, '_');

/** Begins the name of everything temporary that this process makes. */
export const OURS = `${HOST}.${process.pid}.`;

/** Whether something temporary was left by a process that has died: known at once on its own machine, elsewhere after an hour. */
export function isLeftBehind(name: string, touchedMs: number, now = Date.now()): boolean {
  const [host, pid] = name.split('.');
  return touchedMs < now - LEFT_MS || (host === HOST && Number(pid) > 0 && !isAlive(Number(pid)));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process lives too.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
