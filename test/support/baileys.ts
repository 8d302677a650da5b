import { newId } from '@soko/common';
import type { OutboundContent } from '@soko/contracts';
import { type ChannelReport, ChannelService, ChannelSessionService, type Lease, MessagingModule } from '@soko/messaging';
import { type Customer, holdShards, integration, type Phone, startWhatsappWeb, until, type WhatsappWeb } from '@soko/testing';
import { type Session, type SessionHost, type TransportMessage, Transports, WhatsappModule } from '@soko/whatsapp';
import { expect, onTestFinished } from 'vitest';
import type { Timings } from '../../libs/whatsapp/src/baileys/baileys-deps.js';
import type { BaileysTransport } from '../../libs/whatsapp/src/baileys/baileys.transport.js';
import type { InboundItem } from '../../libs/whatsapp/src/inbound/inbound-item.js';

/** Sealed by one gateway, opened by another. */
const ENCRYPTION_KEYS = `test:${Buffer.alloc(32, 7).toString('base64')}`;
const QUICK: Partial<Timings> = { reconnect: 40, ack: 600, write: 3_000, open: 5_000, placeholder: 60_000 };

export interface Options {
  timings?: Partial<Timings>;
  env?: Record<string, string>;
  /** What another `setup` of the test has made: the same channel, on another gateway. */
  with?: { server: WhatsappWeb; databaseUrl: string; merchantId: string; id: string };
  /** Errors of the mock that the test brings about itself. */
  mockMayFail?: boolean;
}

let numbers = 0;
export const nextNumber = (): string => `+26377${String(1_000_000 + ++numbers)}`;

/** A WhatsApp Web of the test's own, and a gateway without its runner: sessions of one channel are opened by hand. */
export async function setup({ timings = {}, env = {}, with: other, mockMayFail = false }: Options = {}) {
  const server = other?.server ?? (await startWhatsappWeb());
  const house = await integration({
    imports: [MessagingModule, WhatsappModule],
    databaseUrl: other?.databaseUrl,
    env: { WHATSAPP_WEB_URL: server.url, WHATSAPP_WEB_NOISE_ROOT: server.noiseRoot, ENCRYPTION_KEYS, ...env },
  });
  const { module, system, tenancy } = house;
  if (!other) {
    onTestFinished(async () => {
      await server.stop();
      if (!mockMayFail) expect(server.errors).toEqual([]);
    });
  }
  const transport = module.get(Transports).of('baileys') as BaileysTransport;
  Object.assign(transport.timings, QUICK, timings);
  const leaseOf = other ? undefined : await holdShards(system);
  const merchantId = other?.merchantId ?? (await house.shop());
  const id = other?.id ?? (await module.get(ChannelService).create(merchantId, { name: 'Phone', kind: 'baileys' })).id;
  const sessions = module.get(ChannelSessionService);
  const reports: ChannelReport[] = [];
  const state: { lease: Lease | undefined; readies: number } = { lease: leaseOf?.(0), readies: 0 };
  const host: SessionHost = {
    lease: () => state.lease,
    report: async (report) => {
      reports.push(report);
      return sessions.report(merchantId, id, state.lease?.fence ?? 0, 1, report);
    },
    ready: () => void (state.readies += 1),
  };
  const channel = {
    merchantId,
    id,
    kind: 'baileys' as const,
    phone: null,
    config: { newChatGapSeconds: 0, newChatsPerDay: 1_000 },
    createdAt: new Date(),
  };
  const open = async (): Promise<Session> => {
    const session = await transport.open(channel, host);
    onTestFinished(() => session.close());
    return session;
  };
  const opened = async (): Promise<Session> => {
    const session = await open();
    await until('connected', () => session.sends);
    return session;
  };
  const journal = async (): Promise<InboundItem[]> => {
    const rows = await system.query<{ body: string }>('SELECT body FROM inbound_deliveries WHERE channel_id = $1 ORDER BY seq', [
      id,
    ]);
    return rows.flatMap(({ body }) => JSON.parse(body) as InboundItem[]);
  };
  const qr = () => until('a QR code', () => reports.findLast(({ link }) => link?.method === 'qr')?.link?.value);
  return {
    ...house,
    server,
    transport,
    channel,
    merchantId,
    id,
    sessions,
    reports,
    state,
    host,
    open,
    opened,
    journal,
    qr,
    statuses: () => reports.map(({ status }) => status),
    /** Ids of the customers' messages in the journal, in order. */
    journalled: async () => (await journal()).flatMap((item) => ('message' in item ? [item.message.waMessageId] : [])),
    /** A linked and connected session, and the phone that it is linked to. */
    linked: async (): Promise<{ phone: Phone; session: Session }> => {
      const phone = server.phone(nextNumber());
      const session = await open();
      await phone.scan(await qr());
      await until('connected', () => session.sends);
      return { phone, session };
    },
    /** Rows of `baileys_creds` and `baileys_keys`. */
    kept: async () => {
      const [row] = await system.query<{ creds: number; keys: number }>(
        `SELECT (SELECT count(*)::int FROM baileys_creds WHERE channel_id = $1) AS creds,
                (SELECT count(*)::int FROM baileys_keys WHERE channel_id = $1) AS keys`,
        [id],
      );
      return row!;
    },
    linkBy: (phone: string) =>
      tenancy.run(merchantId, (tx) =>
        tx.query('UPDATE channel_states SET link_phone = $3 WHERE merchant_id = $1 AND channel_id = $2', [merchantId, id, phone]),
      ),
  };
}

export function text(to: Customer, body: string, over: Partial<TransportMessage> = {}): TransportMessage {
  return outbound(to, { type: 'text', text: { body } }, over);
}

/** A message in a chat that stands already, unless told otherwise. */
export function outbound(to: Customer, content: OutboundContent, over: Partial<TransportMessage> = {}): TransportMessage {
  return {
    messageId: newId(),
    chatId: newId(),
    channelId: newId(),
    contactId: newId(),
    seq: 1,
    to: { phone: to.number },
    content,
    cloudTemplate: null,
    category: 'utility',
    waMessageId: `3EB0${newId().replaceAll('-', '').slice(-18).toUpperCase()}`,
    attempts: 1,
    replyTo: null,
    lastInboundAt: new Date(),
    begun: true,
    readMark: null,
    refused: null,
    ...over,
  };
}

/** To somebody who has never written. */
export const FIRST = { lastInboundAt: null, begun: false } as const;
