import { AsyncLocalStorage } from 'node:async_hooks';

/** Who does the work at hand, as the audit trail names them. */
export interface Actor {
  type: 'user' | 'key' | 'bot' | 'system';
  /** Of the user or the API key. */
  id?: string;
  role?: string;
}

/** What every log line, event, job and audit row of one piece of work shares. */
export interface WorkContext {
  requestId: string;
  /** The caller's address, when a call from outside led to the work. */
  ip?: string;
  /** `system` when missing. */
  actor?: Actor;
}

const storage = new AsyncLocalStorage<WorkContext>();

/** Follows one request through HTTP, queue and event without being passed by hand. */
export const workContext = {
  run: <R>(context: WorkContext, work: () => R): R => storage.run(context, work),
  get current(): Readonly<WorkContext> | undefined {
    return storage.getStore();
  },
  get requestId(): string | undefined {
    return storage.getStore()?.requestId;
  },
  /** From here on the work is `actor`'s. Outside of any work it does nothing. */
  actAs(actor: Actor): void {
    const context = storage.getStore();
    if (context) context.actor = actor;
  },
};
