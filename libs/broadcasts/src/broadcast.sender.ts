import { Injectable } from '@nestjs/common';
import { AppError, ValidationError } from '@soko/common';
import { Tenancy, type TenantTx } from '@soko/database';
import { ContactBlockedError, type MessageErrorView, MessageStore, OptedOutError } from '@soko/messaging';
import { TemplateRenderer } from '@soko/templates';
import { BroadcastLife } from './broadcast.life.js';
import { type BroadcastRow, type NextRow, wantedFor } from './broadcast.row.js';
import { BroadcastStore } from './broadcast.store.js';
import { restMs, roomOf } from './pace.js';
import { OBSTACLES } from './segment.sql.js';

/**
 * Queues the messages of a broadcast, each in a transaction of its own together with its recipient's mark: killed at any moment, nobody
 * is written to twice and nobody is forgotten, and no chat is locked for longer than its own message takes. Whoever takes a step holds
 * the broadcast's lock, so that two workers take turns, and nothing is queued any more once somebody has paused it.
 */
@Injectable()
export class BroadcastSender {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly store: BroadcastStore,
    private readonly life: BroadcastLife,
    private readonly messages: MessageStore,
    private readonly templates: TemplateRenderer,
  ) {}

  /** The next step of the broadcast. @returns whether there may be another one now. */
  async step(merchantId: string, id: string): Promise<boolean> {
    return this.tenancy.run(merchantId, async (tx) => {
      const row = await this.store.lock(tx, id);
      if (row?.status === 'scheduled' && row.due_at! <= new Date()) {
        await this.life.take(tx, row, 'start');
        return true;
      }
      if (row?.status !== 'running') return false;
      const channel = await this.store.channel(tx, row.channel_id);
      const person = await this.store.next(tx, row);
      const isFull = (await this.store.unsentBy(tx, row.channel_id)) >= roomOf(channel);
      if (person && !isFull) return this.write(tx, row, person);
      if (person || (await this.store.unsentOf(tx, id)).length > 0) await this.store.ringIn(tx, id, restMs(channel));
      else await this.life.take(tx, row, 'finish');
      return false;
    });
  }

  /** What stands in one customer's way is theirs; what stands in everybody's pauses the broadcast until somebody has mended it. */
  private async write(tx: TenantTx, row: BroadcastRow, person: NextRow): Promise<boolean> {
    try {
      const why = await this.queue(tx, row, person);
      if (why) await this.store.skip(tx, row.id, why, person.contact_id);
      return true;
    } catch (error) {
      // The chat has become one with another just now: whoever comes next finds that one.
      if (!(error instanceof AppError) || error.status >= 500 || error.code === 'chat_not_found') throw error;
      await this.life.take(tx, row, 'pause', error.detail);
      return false;
    }
  }

  /** @returns why the customer gets nothing. */
  private async queue(tx: TenantTx, row: BroadcastRow, person: NextRow): Promise<MessageErrorView | undefined> {
    const { contact_id: contactId, chat_id: chatId, phone } = person;
    try {
      const { template, content, cloud } = await this.templates.render(tx, wantedFor(person, row.template_name, row.variables));
      // Asked again: much may have been said since the broadcast began.
      const obstacle = await this.store.obstacle(tx, contactId, row.channel_id, template.category);
      if (obstacle) return { code: obstacle, message: OBSTACLES[obstacle] };
      const { id } = await this.messages.queue(tx, {
        ...(chatId ? { to: { chatId } } : { to: phone!, channelId: row.channel_id }),
        content,
        template,
        cloudTemplate: cloud,
        category: template.category,
      });
      if (!(await this.store.markQueued(tx, row.id, contactId, id)))
        throw new Error('the recipient has become one with another contact meanwhile: the next try finds them');
      return undefined;
    } catch (error) {
      const isTheirs = [ValidationError, OptedOutError, ContactBlockedError].some((each) => error instanceof each);
      if (!isTheirs) throw error;
      const { code, detail } = error as AppError;
      return { code, message: detail };
    }
  }
}
