// @ts-check
// Loaded into a process before its own code (`node --import`): how late its event loop was, in ms, is written to BENCH_LOOP_FILE whenever
// SIGUSR2 comes, and is counted from zero then. Other processes than BENCH_LOOP_APP leave it alone.
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const ms = (/** @type {number} */ nanoseconds) => nanoseconds / 1e6;

const { BENCH_LOOP_FILE, BENCH_LOOP_APP } = process.env;
if (BENCH_LOOP_FILE && BENCH_LOOP_APP && process.argv[1]?.includes(BENCH_LOOP_APP)) {
  // A timer of 1 ms: whatever is more than that was late.
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  process.on('SIGUSR2', () => {
    const figures = { p50: ms(delay.percentile(50)), p99: ms(delay.percentile(99)), max: ms(delay.max) };
    delay.reset();
    writeFileSync(BENCH_LOOP_FILE, JSON.stringify(figures));
  });
}
