import { AsyncLocalStorage } from 'node:async_hooks';

/** What every log line, event and job of one piece of work shares. */
export interface WorkContext {
  requestId: string;
}

const storage = new AsyncLocalStorage<WorkContext>();

/** Follows one request through HTTP, queue and event without being passed by hand. */
export const workContext = {
  run: <R>(context: WorkContext, work: () => R): R => storage.run(context, work),
  get requestId(): string | undefined {
    return storage.getStore()?.requestId;
  },
};
