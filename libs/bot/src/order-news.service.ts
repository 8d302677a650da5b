import { Injectable } from '@nestjs/common';
import { formatMoney } from '@soko/common';
import { type EventEnvelope, orderStatusChanged, type OrderStatusChangedData } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { MerchantService } from '@soko/identity';
import { MessageStore, NoChannelError } from '@soko/messaging';
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
      await this.store.queue(tx, { channelId: data.channelId, to: data.customerPhone, content });
    } catch (error) {
      // A merchant who sells over REST alone has no channel, and nobody to tell.
      if (!(error instanceof NoChannelError)) throw error;
    }
  }
}

const TEMPLATES: Partial<Record<OrderStatusChangedData['status'], string>> = {
  confirmed: 'order_confirmation',
  rejected: 'order_rejected',
};
