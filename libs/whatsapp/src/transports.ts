import { Injectable } from '@nestjs/common';
import type { ChannelKind } from '@soko/messaging';
import { BaileysTransport } from './baileys/baileys.transport.js';
import { CloudTransport } from './cloud/cloud.transport.js';
import { SimulatorTransport } from './simulator.transport.js';
import type { Transport } from './transport.js';

/** The transport of each kind of channel. */
@Injectable()
export class Transports {
  private readonly byKind: Map<ChannelKind, Transport>;

  constructor(simulator: SimulatorTransport, baileys: BaileysTransport, cloud: CloudTransport) {
    this.byKind = new Map([simulator, baileys, cloud].map((transport: Transport) => [transport.kind, transport]));
  }

  of(kind: ChannelKind): Transport {
    const transport = this.byKind.get(kind);
    if (!transport) throw new Error(`no transport for channels of kind ${kind}`);
    return transport;
  }
}
