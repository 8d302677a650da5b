import { backoff } from '@soko/common';
import type { ChannelStatus } from '@soko/messaging';

/** How a socket ended, and where the channel stood. */
export interface Closing {
  /** WhatsApp Web's code; see the facts of Baileys' DisconnectReason. */
  code: number;
  /** No phone had linked this device yet. */
  linking: boolean;
  /** Every code that WhatsApp gave to link with has been shown, for as long as it lives. */
  usedUp?: boolean;
  /** Connections in a row that did not come to be, this one included. */
  failures: number;
}

export type NextStep =
  /** `failed`: the merchant is told, and it goes on trying. */
  | { do: 'reconnect'; afterMs: number; failed: boolean }
  /** `wipe`: the keys are worth nothing any more. */
  | { do: 'stop'; status: ChannelStatus; reason: string; wipe: boolean; alarm: boolean };

const FIRST_MS = 5_000;
/** Never slower than in so many times the first wait. */
const SLOWEST = 60;
/** So many in a row that came to nothing, and the merchant is told. */
const PATIENCE = 3;

/** What to do after a socket has closed. A pure function but for the jitter. @param firstMs the first wait */
export function afterClosing({ code, linking, usedUp = false, failures }: Closing, firstMs = FIRST_MS): NextStep {
  if (linking && usedUp)
    return stop('disconnected', 'Nobody linked a phone in time; connect the channel again for a new code.', true, false);
  switch (code) {
    case 515: // After pairing WhatsApp asks for a new connection. One that asks for nothing else is not obeyed for ever.
      if (failures < PATIENCE) return { do: 'reconnect', afterMs: 0, failed: false };
      break;
    case 401:
      return linking
        ? stop('disconnected', 'WhatsApp refused to link; connect the channel again for a new QR code.', true)
        : stop('logged_out', 'The phone has removed this device; connect the channel and scan the new QR code.', true);
    case 440:
      return stop('failed', 'Another program uses this link; end it there, and connect the channel again.');
    case 403:
      return stop('failed', 'WhatsApp has banned this number, or this device; look at the phone.');
    case 411:
      return stop('failed', 'The phone needs a newer WhatsApp with multi-device; update it, and connect the channel again.');
    case 405:
      return stop('failed', 'WhatsApp takes this version of the client no more; update Soko, and connect the channel again.');
  }
  const failed = failures >= PATIENCE;
  return { do: 'reconnect', afterMs: backoff(failed ? failures + 1 : failures, firstMs, SLOWEST * firstMs), failed };
}

const stop = (status: ChannelStatus, reason: string, wipe = false, alarm = true): NextStep => ({
  do: 'stop',
  status,
  reason,
  wipe,
  alarm,
});
