const NAMES = ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const;

/**
 * libsignal prints whole sessions, private keys included, to the console. Soko itself logs by pino and never there, so the console
 * says the first words of what it is told to our log, and no values.
 */
export function silenceConsole(say: (words: string) => void): void {
  for (const name of NAMES) {
    console[name] = (first: unknown) => say(typeof first === 'string' ? first.slice(0, 200) : '(a value)');
  }
}
