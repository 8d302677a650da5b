export interface Gate {
  /** Resolves when somebody opens the gate. */
  opened: Promise<void>;
  open: () => void;
}

/** Holds work at a point until the test lets it go on. */
export function gate(): Gate {
  const made: Partial<Gate> = {};
  const opened = new Promise<void>((resolve) => (made.open = resolve));
  return { opened, open: made.open! };
}
