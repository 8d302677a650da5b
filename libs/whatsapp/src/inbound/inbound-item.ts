import type { ChannelKind, ContactAddress, Incoming, Receipt } from '@soko/messaging';
import type { MetaTemplate } from '@soko/templates';

/** One thing that a network tells. What must be stored with one thing stands in one item: it is stored, or fails, by itself. */
export type InboundItem =
  | { message: Incoming }
  /** Written by the merchant on another device of the number. */
  | { sentElsewhere: Incoming }
  | { receipt: Receipt }
  /** The customer told WhatsApp itself to stop marketing, or to go on. */
  | { marketing: { address: ContactAddress; stopped: boolean } }
  /** The customer has another address from now on: all of `to` is theirs. */
  | { renumber: { from: ContactAddress; to: ContactAddress } }
  /** A template of the account is judged otherwise than before. */
  | { template: MetaTemplate }
  /** Not to be understood, or not this channel's. `body` holds it alone, such that the same format reads it again. */
  | { rejected: { body: string; reason: string } };

/** What a format may need to know of the channel that something came to. */
export interface InboundChannel {
  id: string;
  kind: ChannelKind;
  /** E.164, where it is known. */
  phone: string | null;
  config: Record<string, unknown>;
}

/** How deliveries of one kind of channel are read. */
export interface InboundFormat {
  readonly kind: ChannelKind;
  /** Everything in a delivery that is ours to know, in its order. Pure. @throws Error when it cannot be read at all. */
  parse(body: string, channel: InboundChannel): InboundItem[];
}
