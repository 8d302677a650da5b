import { Injectable } from '@nestjs/common';
import { ChannelService } from '@soko/messaging';
import { Log } from '@soko/observability';
import { CounterpartService } from '@soko/templates';
import type { Session, SessionHost, Transport, TransportChannel } from '../transport.js';
import { CloudCounterparts } from './cloud-counterparts.js';
import { CloudFiles } from './cloud-files.js';
import { CloudClient } from './cloud.client.js';
import { CloudSession } from './cloud.session.js';
import { SendLimits } from './send-limits.js';

/** Meta's, for a number whose limit was not raised. */
const MESSAGES_PER_SECOND = 80;
const NAMED_TEMPLATES = 10;

/** Carries messages by Meta's WhatsApp Cloud API. Ids are Meta's; ours goes along and comes back with each status. */
@Injectable()
export class CloudTransport implements Transport {
  readonly kind = 'cloud';

  constructor(
    private readonly client: CloudClient,
    private readonly files: CloudFiles,
    private readonly counterparts: CloudCounterparts,
    private readonly channels: ChannelService,
    private readonly templates: CounterpartService,
    private readonly log: Log,
  ) {}

  /** Returns at once: Meta is asked in the background, so that one slow answer holds no other channel up. */
  async open(channel: TransportChannel, host: SessionHost): Promise<Session> {
    const { accessToken } = await this.channels.secrets(channel.merchantId, channel.id);
    const { phoneNumberId, messagesPerSecond = MESSAGES_PER_SECOND } = channel.config as {
      phoneNumberId: string;
      messagesPerSecond?: number;
    };
    const session = new CloudSession(channel, { phoneNumberId, accessToken }, host, new SendLimits(messagesPerSecond), {
      client: this.client,
      files: this.files,
      counterparts: this.counterparts,
      templates: (merchantId) => this.templates.usableNames(merchantId, NAMED_TEMPLATES),
      log: this.log,
    });
    session
      .start()
      .catch((error: unknown) => this.log.error({ err: error, channelId: channel.id }, 'a cloud channel did not start'));
    return session;
  }
}
