export interface Gate {
  /** Resolves when somebody opens the gate. */
  opened: Promise<void>;
  open: () => void;
}

/** Holds work at a point until the test lets it go on. */
export function gate(): Gate {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
