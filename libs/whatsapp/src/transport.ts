import type { ChannelKind, ChannelReport, ClaimedSend, ContactAddress, Lease } from '@soko/messaging';

/** A channel as a transport needs to know it. */
export interface TransportChannel {
  merchantId: string;
  id: string;
  kind: ChannelKind;
  /** E.164, where it is known. */
  phone: string | null;
  /** Of its kind: ids at the network, pacing. Secrets are the transport's to fetch. */
  config: Record<string, unknown>;
  createdAt: Date;
}

/** One message to hand over. */
export type TransportMessage = ClaimedSend;

/**
 * What a failed hand-over means for the message.
 * - `retry`: nothing has gone out; tried again later, a few times.
 * - `wait`: it cannot go now, which is not its fault; tried again later, as often as it takes.
 * - `failed`: never tried again.
 * - `doubt`: it may have gone out and nobody said so: tried again only when the network's own word has not come for long.
 */
export type Fate = 'retry' | 'wait' | 'failed' | 'doubt';

/** Thrown by `send`. */
export class TransportError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly fate: Fate,
    /** Not before so many milliseconds, for `retry` and `wait`. */
    readonly afterMs?: number,
  ) {
    super(message);
  }
}

/** Codes of errors by which a network says that it could not use the file of a message. */
export const FILE_ERRORS = ['media_unreadable', 'media_refused'];

/** What a session may ask of the gateway that runs it. */
export interface SessionHost {
  /** The lease that the session runs under; nothing once it is lost: whoever writes then must close at once. */
  lease(): Lease | undefined;
  /** Tells how the channel is. @returns false when the lease is lost. */
  report(report: ChannelReport): Promise<boolean>;
  /** The session can send again: what waits is looked at. */
  ready(): void;
}

/** An open channel. */
export interface Session {
  /** Whether messages may be given to it now. */
  readonly sends: boolean;
  /** Hands the message over and returns the network's id for it. @throws TransportError */
  send(message: TransportMessage): Promise<string>;
  /** Shows the customer's message, and so all before it, as read, and that an answer is being written. */
  markRead?(to: ContactAddress, waMessageId: string, typing: boolean): Promise<void>;
  /** Leaves the network; what was linked stays linked. Never throws. */
  close(): Promise<void>;
  /** Ends the link for good, at the network too. Never throws. */
  logout?(): Promise<void>;
}

/** A way to carry messages. Nothing outside this lib knows which one a channel uses. */
export interface Transport {
  readonly kind: ChannelKind;
  /** Prefix of our own wire ids, where the network takes them from us. */
  readonly ownIds?: string;
  /** Opens the channel; its state is told through the host, then and later. */
  open(channel: TransportChannel, host: SessionHost): Promise<Session>;
  /** Wipes what is kept of the channel's link, when no session runs. */
  forget?(channel: TransportChannel, lease: Lease): Promise<void>;
}
