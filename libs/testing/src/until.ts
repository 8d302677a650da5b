import { setTimeout as pause } from 'node:timers/promises';

/**
 * Waits until `probe` gives something truthy, and gives that. Errors of the probe count as "not yet".
 * @throws Error naming `what` when it does not come within `ms`.
 */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  ms = 20_000,
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = performance.now() + ms;
  let last: unknown = 'nothing came';
  while (performance.now() < deadline) {
    try {
      const found = await probe();
      if (found) return found as Exclude<T, false | null | undefined>;
    } catch (error) {
      last = error;
    }
    await pause(25);
  }
  throw new Error(`${what} did not come within ${ms} ms: ${String(last)}`);
}
