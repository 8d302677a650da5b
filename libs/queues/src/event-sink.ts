import { newId, workContext } from '@soko/common';
import type { SystemTx } from '@soko/database';

/** On this channel of NOTIFY the relay says, with its commit, whose histories have grown: ids of merchants with commas between. */
export const HISTORY_CHANNEL = 'soko_history';

/** An event as the relay hands it on. */
export interface RelayedEvent {
  merchantId: string;
  id: string;
  type: string;
  subject: string;
  position: number;
  requestId?: string | null;
}

/**
 * Something that must hear of every event. `fanOut` writes what is to be done about a batch in the relay's own transaction
 * (rows and alarms only, no calls to the outside), so an event is handed on completely or not at all.
 */
export interface EventSink {
  fanOut(tx: SystemTx, events: RelayedEvent[]): Promise<void>;
}

/** Runs `work` as part of the request that led to the event. */
export const onBehalfOf = <R>(event: { requestId?: string | null }, work: () => R): R =>
  workContext.run({ requestId: event.requestId ?? newId() }, work);
