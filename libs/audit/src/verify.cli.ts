import { runCommand } from '@soko/database';
import { verifyChains } from './verify.js';

/** Prints the head of each chain, to be noted elsewhere, and the first broken link of those that do not hold. */
await runCommand(async ({ system }) => {
  let [chains, entries, broken] = [0, 0, 0];
  for await (const chain of verifyChains(system)) {
    chains += 1;
    entries += chain.length;
    if (!chain.broken) {
      console.log(`merchant ${chain.merchantId}: ${chain.length} entries, head ${chain.head}`);
      continue;
    }
    broken += 1;
    console.error(`merchant ${chain.merchantId}: BROKEN at entry ${chain.broken.seq}: ${chain.broken.why}`);
  }
  console.log(`${chains} chains, ${entries} entries, ${broken} broken`);
  if (broken > 0) process.exitCode = 1;
});
