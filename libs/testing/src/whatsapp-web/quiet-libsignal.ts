/** What libsignal prints: with its sessions, so with private keys. */
const CHATTER = [
  'Closing session:',
  'Opening session:',
  'Removing old closed session:',
  'Closing open session in favor of incoming prekey bundle',
  'Decrypted message with closed session.',
  'Session already closed',
  'Failed to decrypt message with any known session...',
  'Session error:',
];

let quiet = 0;
let restore: () => void = () => undefined;

/** Keeps libsignal off the console. @returns how to undo it. */
export function quietLibsignal(): () => void {
  if (quiet++ === 0) restore = muffle();
  let undone = false;
  return () => {
    if (undone) return;
    undone = true;
    quiet -= 1;
    if (quiet === 0) restore();
  };
}

function muffle(): () => void {
  const { info, warn, error } = console;
  for (const [level, print] of Object.entries({ info, warn, error }) as ['info' | 'warn' | 'error', typeof info][]) {
    console[level] = (...args: unknown[]) => {
      const [first] = args;
      if (typeof first === 'string' && CHATTER.some((line) => first.startsWith(line))) return;
      print.apply(console, args);
    };
  }
  return () => void Object.assign(console, { info, warn, error });
}
