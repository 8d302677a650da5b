import { Injectable } from '@nestjs/common';
import { sendChat, type SendChatJob } from '@soko/contracts';
import { Tenancy, type TenantTx } from '@soko/database';
import { type ClaimedSend, type SendOutcome, SendQueue } from '@soko/messaging';
import { Log } from '@soko/observability';
import { Handles } from '@soko/queues';
import { type Session, TransportError, Transports } from '@soko/whatsapp';
import { ChannelRunner } from './channel-runner.service.js';
import { ShardLeases } from './shard-leases.service.js';

interface Settled {
  send: ClaimedSend;
  outcome: SendOutcome;
}

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

  private async drain(job: SendChatJob): Promise<void> {
    let settled: Settled | undefined;
    for (;;) {
      // What became of one message is written together with the claim of the next.
      const next = await this.tenancy.run(job.merchantId, async (tx) => {
        if (settled) await this.queue.settle(tx, settled.send, settled.outcome);
        return this.claim(tx, job, settled?.send.channelId);
      });
      if (!next) return;
      const { session, send } = next;
      this.showAsRead(session, send);
      settled = { send, outcome: send.refused ? { kind: 'failed', ...send.refused } : await this.send(session, send) };
    }
  }

  private async claim(
    tx: TenantTx,
    { merchantId, chatId, shard }: SendChatJob,
    known?: string,
  ): Promise<{ session: Session; send: ClaimedSend } | undefined> {
    const lease = this.leases.lease(shard);
    if (!lease) return undefined;
    const channelId = known ?? (await this.channelOf(tx, merchantId, chatId));
    const found = channelId && this.runner.sender(channelId);
    if (!found) return undefined;
    const send = await this.queue.claim(tx, chatId, lease, this.transports.of(found.kind).ownIds);
    if (send) return { session: found.session, send };
    const mark = await this.queue.takeReadMark(tx, chatId);
    if (mark) this.showAsRead(found.session, { to: mark.to, readMark: mark.waMessageId });
    return undefined;
  }

  private async channelOf(tx: TenantTx, merchantId: string, chatId: string): Promise<string | undefined> {
    const [chat] = await tx.query<{ channel_id: string }>('SELECT channel_id FROM chats WHERE merchant_id = $1 AND id = $2', [
      merchantId,
      chatId,
    ]);
    return chat?.channel_id;
  }

  /** A courtesy: nobody waits for it, and nothing is lost when it fails. */
  private showAsRead(
    session: Session,
    { to, readMark, content }: Pick<ClaimedSend, 'to' | 'readMark'> & { content?: object },
  ): void {
    if (!readMark) return;
    session
      .markRead?.(to, readMark, content !== undefined)
      .catch((error: unknown) => this.log.debug({ err: error }, 'a message was not marked as read'));
  }

  private async send(session: Session, send: ClaimedSend): Promise<SendOutcome> {
    try {
      return { kind: 'sent', waMessageId: await session.send(send) };
    } catch (error) {
      const failed = error instanceof TransportError ? error : new TransportError('transport', String(error), 'retry');
      const { code, message, fate, afterMs } = failed;
      this.log.warn({ err: error, messageId: send.messageId, attempt: send.attempts, code, fate }, 'a message was not sent');
      return fate === 'retry' || fate === 'wait' ? { kind: fate, code, message, afterMs } : { kind: fate, code, message };
    }
  }
}
