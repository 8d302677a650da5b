/** `ms` moved by up to `share` either way, so that retries of many rows do not come in one wave. */
export const jitter = (ms: number, share = 0.2, random: () => number = Math.random): number =>
  Math.round(ms * (1 + share * (2 * random() - 1)));

/** Exponential backoff in ms: `base * 2^(attempt - 1)`, capped, with jitter. `attempt` counts from 1. */
export const backoff = (attempt: number, base = 500, cap = 60_000): number => jitter(Math.min(base * 2 ** (attempt - 1), cap));
