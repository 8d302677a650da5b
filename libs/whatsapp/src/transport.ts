import type { OutboundContent } from '@soko/contracts';
import type { ChannelKind } from '@soko/messaging';

/** A channel as a transport needs to know it. */
export interface TransportChannel {
  merchantId: string;
  id: string;
  kind: ChannelKind;
}

/** One message to hand over. */
export interface TransportMessage {
  messageId: string;
  /** E.164. */
  to: string;
  content: OutboundContent;
  /** Our own id on the wire, for transports with `ownIds`: sending it again is the same message. */
  waMessageId: string | null;
}

/** Thrown by `send`. `retryable` tells whether another try may help. */
export class TransportError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly retryable: boolean,
  ) {
    super(message);
  }
}

/** A way to carry messages. Nothing outside this lib and the gateway knows which one a channel uses. */
export interface Transport {
  readonly kind: ChannelKind;
  /** Prefix of our own wire ids, where the network takes them from us. */
  readonly ownIds?: string;
  connect(channel: TransportChannel): Promise<void>;
  disconnect(channel: TransportChannel): Promise<void>;
  /** Hands the message over and returns the network's id for it. @throws TransportError */
  send(channel: TransportChannel, message: TransportMessage): Promise<string>;
}
