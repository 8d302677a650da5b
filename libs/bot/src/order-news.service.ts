import { Injectable } from '@nestjs/common';
import { formatMoney, NotFoundError } from '@soko/common';
import { type EventEnvelope, orderStatusChanged, type OrderStatusChangedData, type OutboundContent } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { MerchantService } from '@soko/identity';
import { ContactBlockedError, MessageStore, NoChannelError } from '@soko/messaging';
import { Reacts } from '@soko/queues';
import { TemplateService } from '@soko/templates';

/** Tells customers, by template, how their orders are doing. */
@Injectable()
export class OrderNewsService {
  constructor(
    private readonly templates: TemplateService,
    private readonly store: MessageStore,
    private readonly merchants: MerchantService,
  ) {}

  @Reacts(orderStatusChanged, 'bot.order-news')
  async tell(tx: TenantTx, { data }: EventEnvelope<OrderStatusChangedData>): Promise<void> {
    const { locale } = await this.merchants.get(tx);
    const template = TEMPLATES[data.status] ?? 'order_update';
    const content = await this.templates.render(tx, template, {
      number: data.number,
      customer: data.customerName ?? 'dear customer',
      total: formatMoney(data.total, locale),
      reason: data.reason ?? 'we cannot deliver it',
      status: data.status.replaceAll('_', ' '),
    });
    try {
      await this.send(tx, data, content);
    } catch (error) {
      // A merchant who sells over REST alone has no channel, and nobody to tell; a blocked customer is to hear nothing.
      if (!(error instanceof NoChannelError || error instanceof ContactBlockedError)) throw error;
    }
  }

  /** In the chat that the order came out of, if there is one: a customer's number may be hidden, and the one that was told not theirs. */
  private async send(tx: TenantTx, data: OrderStatusChangedData, content: OutboundContent): Promise<void> {
    const { chatId, channelId, customerPhone } = data;
    try {
      await this.store.queue(tx, { ...(chatId ? { to: { chatId } } : { to: customerPhone, channelId }), content });
    } catch (error) {
      // The channel is no more, or the chat has become one with another since, for its customer's number is known now.
      if (!(error instanceof NotFoundError)) throw error;
      await this.store.queue(tx, { to: customerPhone, content });
    }
  }
}

const TEMPLATES: Partial<Record<OrderStatusChangedData['status'], string>> = {
  confirmed: 'order_confirmation',
  rejected: 'order_rejected',
};
