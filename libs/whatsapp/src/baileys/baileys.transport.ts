import { Injectable } from '@nestjs/common';
import { Settings } from '@soko/config';
import { type OutboundContent, processInbound } from '@soko/contracts';
import { alarm, AlarmBell, Sealer, SystemDb, Tenancy } from '@soko/database';
import { type Lease, SendQueue } from '@soko/messaging';
import { Log } from '@soko/observability';
import type { Session, SessionHost, Transport, TransportChannel } from '../transport.js';
import { BaileysFiles } from './baileys-files.js';
import { type BaileysDeps, type Timings, TIMINGS } from './baileys-deps.js';
import { ConnectGate } from './connect-gate.js';
import { silenceConsole } from './console-silence.js';
import { ReceiptBatches } from './receipt-batches.js';

/** Everything that stands on Baileys: loaded with the first channel of its kind, and in no process that has none. */
const loadBaileys = async () => {
  const [{ BaileysAuthStore }, { BaileysSession }, { itemsOf }, { WA_CERT_DETAILS }] = await Promise.all([
    import('./baileys-auth.store.js'),
    import('./baileys-session.js'),
    import('./baileys-inbound.js'),
    import('@whiskeysockets/baileys'),
  ]);
  return { BaileysAuthStore, BaileysSession, itemsOf, WA_CERT_DETAILS };
};

/** Channels on linked devices of WhatsApp Web. */
@Injectable()
export class BaileysTransport implements Transport {
  readonly kind = 'baileys';
  /** As WhatsApp Web makes them: `3EB0` and hex digits. */
  readonly ownIds = '3EB0';
  readonly timings: Timings = { ...TIMINGS };
  private loaded?: Promise<BaileysDeps & { lib: Awaited<ReturnType<typeof loadBaileys>> }>;

  constructor(
    private readonly settings: Settings,
    private readonly system: SystemDb,
    private readonly tenancy: Tenancy,
    private readonly sealer: Sealer,
    private readonly sends: SendQueue,
    private readonly log: Log,
    private readonly bell: AlarmBell,
    private readonly files: BaileysFiles,
  ) {}

  async open(channel: TransportChannel, host: SessionHost): Promise<Session> {
    const { lib, ...deps } = await this.load();
    const session = new lib.BaileysSession(channel, host, deps);
    session.start();
    return session;
  }

  async forget(channel: TransportChannel, lease: Lease): Promise<void> {
    await (await this.load()).auth.wipe(channel, lease);
  }

  private load(): NonNullable<typeof this.loaded> {
    return (this.loaded ??= this.prepare());
  }

  private async prepare(): Promise<Awaited<NonNullable<typeof this.loaded>>> {
    silenceConsole((words) => this.log.debug({ words }, 'the console was told something'));
    const lib = await loadBaileys();
    const { WHATSAPP_WEB_URL, WHATSAPP_WEB_NOISE_ROOT, WHATSAPP_WEB_KEEPALIVE_S } = this.settings;
    if (WHATSAPP_WEB_NOISE_ROOT) lib.WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(WHATSAPP_WEB_NOISE_ROOT, 'base64');
    return {
      lib,
      url: WHATSAPP_WEB_URL,
      keepAliveMs: WHATSAPP_WEB_KEEPALIVE_S * 1_000,
      timings: this.timings,
      auth: new lib.BaileysAuthStore(this.system, this.sealer),
      gate: new ConnectGate(),
      log: this.log,
      journalled: (arrival) => {
        const items = lib.itemsOf(arrival);
        return items.length > 0 ? JSON.stringify(items) : undefined;
      },
      ring: ({ merchantId, id: channelId }) => this.bell.ring([alarm(processInbound, { merchantId, channelId })]),
      files: this.files,
      receipts: new ReceiptBatches(this.tenancy, this.sends, this.log),
      rows: {
        known: (channel, waMessageId) => this.known(channel, waMessageId),
        sent: (channel, waMessageId) => this.sent(channel, waMessageId),
        linkPhone: (channel) => this.linkPhone(channel),
        restrictedUntil: (channel) => this.restrictedUntil(channel),
        newChats: (channel) => this.newChats(channel),
      },
    };
  }

  /** One that stands there without its content is not: that is still to come. */
  private async known({ merchantId, id }: TransportChannel, waMessageId: string): Promise<boolean> {
    const [row] = await this.tenancy.run(merchantId, (tx) =>
      tx.query<{ known: boolean }>(
        `SELECT EXISTS (SELECT FROM message_ids i JOIN messages m ON m.merchant_id = i.merchant_id AND m.id = i.message_id
                        WHERE i.merchant_id = $1 AND i.channel_id = $2 AND i.wa_message_id = $3
                          AND m.content #>> '{unsupported,what}' IS DISTINCT FROM 'undecryptable')
             OR EXISTS (SELECT FROM inbound_deliveries WHERE merchant_id = $1 AND channel_id = $2
                          AND strpos(body, to_json($3::text)::text) > 0 AND strpos(body, '"undecryptable"') = 0) AS known`,
        [merchantId, id, waMessageId],
      ),
    );
    return row!.known;
  }

  private async sent({ merchantId, id }: TransportChannel, waMessageId: string): Promise<OutboundContent | undefined> {
    const rows = await this.tenancy.run(merchantId, (tx) =>
      tx.query<{ content: OutboundContent }>(
        `SELECT m.content FROM message_ids i JOIN messages m ON m.merchant_id = i.merchant_id AND m.id = i.message_id
         WHERE i.merchant_id = $1 AND i.channel_id = $2 AND i.wa_message_id = $3 AND m.direction = 'outbound'`,
        [merchantId, id, waMessageId],
      ),
    );
    return rows[0]?.content;
  }

  private async linkPhone({ merchantId, id }: TransportChannel): Promise<string | undefined> {
    const [row] = await this.tenancy.run(merchantId, (tx) =>
      tx.query<{ link_phone: string | null }>(
        'SELECT link_phone FROM channel_states WHERE merchant_id = $1 AND channel_id = $2',
        [merchantId, id],
      ),
    );
    return row?.link_phone ?? undefined;
  }

  private async restrictedUntil({ merchantId, id }: TransportChannel): Promise<Date | undefined> {
    const [row] = await this.tenancy.run(merchantId, (tx) =>
      tx.query<{ restricted_until: Date | null }>(
        'SELECT restricted_until FROM channel_states WHERE merchant_id = $1 AND channel_id = $2',
        [merchantId, id],
      ),
    );
    return row?.restricted_until ?? undefined;
  }

  /** Chats that wait for their first message have begun nothing yet. */
  private async newChats({ merchantId, id }: TransportChannel): Promise<Date[]> {
    const rows = await this.tenancy.run(merchantId, (tx) =>
      tx.query<{ created_at: Date }>(
        `SELECT m.created_at FROM chats h JOIN messages m ON m.merchant_id = h.merchant_id AND m.id = h.begun_by
         WHERE h.merchant_id = $1 AND h.channel_id = $2 AND h.last_message_at > now() - interval '24 hours'
           AND m.created_at > now() - interval '24 hours' AND m.status IN ('sent', 'delivered', 'read')
           AND NOT EXISTS (SELECT FROM messages i WHERE i.merchant_id = $1 AND i.chat_id = h.id AND i.id < m.id AND i.direction = 'inbound')
         ORDER BY m.created_at`,
        [merchantId, id],
      ),
    );
    return rows.map((row) => row.created_at);
  }
}
