import { Injectable } from '@nestjs/common';
import { runBroadcast, type RunBroadcastJob } from '@soko/contracts';
import { Handles } from '@soko/queues';
import { BroadcastSender } from './broadcast.sender.js';

@Injectable()
export class BroadcastProcessor {
  constructor(private readonly sender: BroadcastSender) {}

  @Handles(runBroadcast)
  async run({ merchantId, broadcastId }: RunBroadcastJob): Promise<void> {
    while (await this.sender.step(merchantId, broadcastId));
  }
}
