import { Injectable } from '@nestjs/common';
import { contentText } from '@soko/contracts';
import { Tenancy } from '@soko/database';
import { OutboundFiles } from './outbound-files.js';
import {
  type Session,
  type SessionHost,
  type Transport,
  type TransportChannel,
  TransportError,
  type TransportMessage,
} from './transport.js';

/** Carries messages to the phones of the simulator. Like WhatsApp, it takes a message id once. */
@Injectable()
export class SimulatorTransport implements Transport {
  readonly kind = 'simulator';
  readonly ownIds = 'sim.';

  constructor(
    private readonly tenancy: Tenancy,
    private readonly files: OutboundFiles,
  ) {}

  async open(channel: TransportChannel, host: SessionHost): Promise<Session> {
    await host.report({ status: 'connected' });
    return { sends: true, send: (message) => this.send(channel, message), close: async () => undefined };
  }

  private async send(channel: TransportChannel, message: TransportMessage): Promise<string> {
    const { phone } = message.to;
    if (!phone)
      throw new TransportError('recipient_unreachable', 'A simulated phone has a number, and this contact has none.', 'failed');
    const { content } = message;
    // It takes what WhatsApp would take.
    const file = content.type === 'media' ? await this.files.open(channel.merchantId, content.media) : undefined;
    const waMessageId = message.waMessageId ?? this.ownIds + message.messageId;
    await this.tenancy.run(channel.merchantId, async (tx) =>
      tx.write(
        `INSERT INTO simulator_messages (merchant_id, channel_id, wa_message_id, phone, content, text)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
        [channel.merchantId, channel.id, waMessageId, phone, JSON.stringify(content), contentText(content, file)],
      ),
    );
    return waMessageId;
  }
}
