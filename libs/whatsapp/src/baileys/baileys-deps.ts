import type { OutboundContent } from '@soko/contracts';
import type { Receipt } from '@soko/messaging';
import type { Log } from '@soko/observability';
import type { TransportChannel } from '../transport.js';
import type { BaileysAuthStore } from './baileys-auth.store.js';
import type { BaileysFiles } from './baileys-files.js';
import type { Arrival } from './baileys-inbound.js';
import type { ConnectGate } from './connect-gate.js';

/** How long things may take, in ms. Tests are in more of a hurry. */
export interface Timings {
  /** The first wait after a lost connection; later ones are longer. */
  reconnect: number;
  /** WhatsApp acknowledges in well under a second; a connection that takes this long is deaf. */
  ack: number;
  /** Until a message is on the wire: who is new must be asked about first. */
  write: number;
  /** Until a new connection stands, or has something to scan. */
  open: number;
  /** A connection that stood for so long was one: what fails afterwards is counted from the beginning. */
  steady: number;
  /** Until a person is shown that something came which cannot be read. */
  placeholder: number;
  /** How long a QR code is shown; nothing for WhatsApp's own times. */
  qr?: number;
}

export const TIMINGS: Readonly<Timings> = {
  reconnect: 5_000,
  ack: 20_000,
  write: 60_000,
  open: 60_000,
  steady: 30_000,
  placeholder: 60_000,
};

/** What all sessions of a process share. */
export interface BaileysDeps {
  url: string;
  keepAliveMs: number;
  timings: Readonly<Timings>;
  auth: BaileysAuthStore;
  gate: ConnectGate;
  log: Log;
  /** What is kept of a message until it is stored; nothing for those that say nothing. */
  journalled(arrival: Arrival): string | undefined;
  /** Rings for what was kept. */
  ring(channel: TransportChannel): void;
  receipts: {
    add(channel: TransportChannel, receipts: Receipt[]): void;
    /** Resolves when all that was added is written down, or given up. */
    flush(channelId: string): Promise<void>;
  };
  rows: ChannelRows;
  files: BaileysFiles;
}

/** What sessions read of our own rows. */
export interface ChannelRows {
  /** Whether a message of a customer's is kept, or stored. */
  known(channel: TransportChannel, waMessageId: string): Promise<boolean>;
  sent(channel: TransportChannel, waMessageId: string): Promise<OutboundContent | undefined>;
  /** E.164: link by a code on this phone, not by QR. */
  linkPhone(channel: TransportChannel): Promise<string | undefined>;
  restrictedUntil(channel: TransportChannel): Promise<Date | undefined>;
  /** When this channel began chats in the last 24 hours. */
  newChats(channel: TransportChannel): Promise<Date[]>;
}
