import { Injectable } from '@nestjs/common';
import type { ChannelKind } from '@soko/messaging';
import { cloudFormat } from '../cloud/cloud-inbound.js';
import type { InboundChannel, InboundFormat, InboundItem } from './inbound-item.js';

/** What a gateway has received over a socket is read there, where its keys are: these deliveries hold the items themselves. */
const baileysFormat: InboundFormat = {
  kind: 'baileys',
  parse: (body) => {
    const items: unknown = JSON.parse(body);
    if (!Array.isArray(items)) throw new Error('this is no list of items');
    return items as InboundItem[];
  },
};

/** The format of each kind of channel that receives by way of `inbound_deliveries`. */
@Injectable()
export class InboundFormats {
  private readonly byKind = new Map<ChannelKind, InboundFormat>([cloudFormat, baileysFormat].map((each) => [each.kind, each]));

  /** Never throws: what cannot be read is an item too. */
  read(body: string, channel: InboundChannel): InboundItem[] {
    const format = this.byKind.get(channel.kind);
    try {
      if (!format) throw new Error(`nobody reads deliveries of channels of kind ${channel.kind}`);
      return format.parse(body, channel);
    } catch (error) {
      return [{ rejected: { body, reason: (error as Error).message } }];
    }
  }
}
