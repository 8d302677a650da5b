import { runCommand } from './command.js';
import { rotateKeys } from './key-rotation.js';

await runCommand(async ({ system, sealer }) => {
  console.log(`Sealing every secret under the key "${sealer.currentKey}"`);
  await rotateKeys(system, sealer, ({ place, values }) => console.log(`${place}: ${values} sealed anew`));
  console.log('Done. The other keys of ENCRYPTION_KEYS are needed no more, once no process has one of them first.');
});
