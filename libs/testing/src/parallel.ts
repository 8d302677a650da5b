/** Starts `work` `count` times at once and waits for all of them; `work` gets its number, from 0. */
export const parallel = <T>(count: number, work: (n: number) => T | Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => work(n)));
