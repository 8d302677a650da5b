import { Injectable } from '@nestjs/common';
import { sendChat, type SendChatJob } from '@soko/contracts';
import { Tenancy } from '@soko/database';
import { type ClaimedSend, type SendOutcome, SendQueue } from '@soko/messaging';
import { Log } from '@soko/observability';
import { Handles } from '@soko/queues';
import { TransportError, Transports } from '@soko/whatsapp';
import { ChannelRunner } from './channel-runner.service.js';
import { ShardLeases } from './shard-leases.service.js';

/** Sends what waits in a chat, oldest first, one message at a time. */
@Injectable()
export class ChatSender {
  /** Chats that are being worked off, and whether an alarm rang for them meanwhile. */
  private readonly busy = new Map<string, { again: boolean }>();

  constructor(
    private readonly tenancy: Tenancy,
    private readonly queue: SendQueue,
    private readonly leases: ShardLeases,
    private readonly runner: ChannelRunner,
    private readonly transports: Transports,
    private readonly log: Log,
  ) {}

  @Handles(sendChat)
  async run(job: SendChatJob): Promise<void> {
    const running = this.busy.get(job.chatId);
    if (running) {
      // The one who is at it looks once more: a second sender would overtake the first.
      running.again = true;
      return;
    }
    const mine = { again: true };
    this.busy.set(job.chatId, mine);
    try {
      while (mine.again) {
        mine.again = false;
        await this.drain(job);
      }
    } finally {
      this.busy.delete(job.chatId);
    }
  }

  private async drain({ merchantId, chatId, shard }: SendChatJob): Promise<void> {
    let settled: { send: ClaimedSend; outcome: SendOutcome } | undefined;
    for (;;) {
      const lease = this.leases.lease(shard);
      // What became of one message is written together with the claim of the next.
      const send = await this.tenancy.run(merchantId, async (tx) => {
        if (settled) await this.queue.settle(tx, settled.send, settled.outcome);
        if (!lease) return undefined;
        const [chat] = await tx.query<{ channel_id: string }>('SELECT channel_id FROM chats WHERE merchant_id = $1 AND id = $2', [
          merchantId,
          chatId,
        ]);
        const channel = chat && this.runner.find(chat.channel_id);
        return channel && this.queue.claim(tx, chatId, lease, this.transports.of(channel.kind).ownIds);
      });
      if (!send) return;
      settled = { send, outcome: await this.send(send) };
    }
  }

  private async send(send: ClaimedSend): Promise<SendOutcome> {
    const channel = this.runner.find(send.channelId);
    if (!channel) return { kind: 'retry', code: 'channel_disconnected', message: 'the channel was disconnected' };
    try {
      return { kind: 'sent', waMessageId: await this.transports.of(channel.kind).send(channel, send) };
    } catch (error) {
      const { code = 'transport', message, retryable = true } = error as Partial<TransportError>;
      this.log.warn({ err: error, messageId: send.messageId, attempt: send.attempts }, 'a message was not sent');
      return { kind: retryable ? 'retry' : 'failed', code, message: message ?? 'the transport failed' };
    }
  }
}
