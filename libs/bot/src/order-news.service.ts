import { Injectable } from '@nestjs/common';
import { NotFoundError } from '@soko/common';
import { type EventEnvelope, orderStatusChanged, type OrderStatusChangedData } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { DeliveryService } from '@soko/deliveries';
import { ContactBlockedError, MessageStore, NoChannelError, OptedOutError, type Outgoing } from '@soko/messaging';
import { Reacts } from '@soko/queues';
import { TemplateRenderer } from '@soko/templates';
import { statusWords } from './status-words.js';

type Variables = Record<string, string | undefined>;
type News = Pick<Outgoing, 'content' | 'template' | 'cloudTemplate' | 'category' | 'secret'>;
/** The order that the news are of, and where its customer is. */
export type Told = Pick<
  OrderStatusChangedData,
  'number' | 'status' | 'total' | 'customerPhone' | 'customerName' | 'channelId' | 'chatId' | 'reason'
> & { orderId: string };

/** Tells customers, by template, how their orders are doing. */
@Injectable()
export class OrderNewsService {
  constructor(
    private readonly templates: TemplateRenderer,
    private readonly store: MessageStore,
    private readonly deliveries: DeliveryService,
  ) {}

  @Reacts(orderStatusChanged, 'bot.order-news')
  run(tx: TenantTx, { data }: EventEnvelope<OrderStatusChangedData>): Promise<void> {
    return this.tell(tx, data);
  }

  async tell(tx: TenantTx, data: Told): Promise<void> {
    // Whoever was quicker than the news has come and gone: then there is nothing to follow any more.
    const way = data.status === 'out_for_delivery' ? await this.deliveries.wordsFor(tx, data.orderId) : undefined;
    await this.write(
      tx,
      data,
      way ? 'delivery_started' : (TEMPLATES[data.status] ?? 'order_update'),
      (language) => ({
        status: statusWords(data.status, language),
        reason: data.reason,
        driver: way?.driver,
        code: way?.code,
        link: way?.trackingUrl,
      }),
      way?.code,
    );
  }

  /** News of an order by a template, with what every template may name of it and `more`. @param secret what is not to be kept of the text */
  async write(tx: TenantTx, data: Told, name: string, more: (language: string) => Variables, secret?: string): Promise<void> {
    // A merchant who sells over REST alone has nobody to tell, and no words need be made.
    if (!data.chatId && !data.channelId && !(await this.store.hasChannel(tx))) return;
    const { template, content, cloud } = await this.templates.render(tx, {
      name,
      // What is not known the template has a word for.
      variables: (language) => ({
        number: String(data.number),
        total: data.total,
        customer: data.customerName,
        ...more(language),
      }),
      spare: true,
    });
    const news = { content, template, cloudTemplate: cloud, category: template.category, secret };
    try {
      await this.send(tx, data, news);
    } catch (error) {
      // A merchant who sells over REST alone has no channel, and nobody to tell; a customer who wants nothing of it hears nothing.
      const nobody = [NoChannelError, ContactBlockedError, OptedOutError].some((each) => error instanceof each);
      if (!nobody) throw error;
    }
  }

  /** In the chat that the order came out of, if there is one: a customer's number may be hidden, and the one that was told not theirs. */
  private async send(tx: TenantTx, data: Told, news: News): Promise<void> {
    const { chatId, channelId, customerPhone } = data;
    try {
      await this.store.queue(tx, { ...(chatId ? { to: { chatId } } : { to: customerPhone, channelId }), ...news });
    } catch (error) {
      // The channel is no more, or the chat has become one with another since, for its customer's number is known now.
      if (!(error instanceof NotFoundError)) throw error;
      await this.store.queue(tx, { to: customerPhone, ...news });
    }
  }
}

const TEMPLATES: Partial<Record<OrderStatusChangedData['status'], string>> = {
  confirmed: 'order_confirmation',
  rejected: 'order_rejected',
  out_for_delivery: 'delivery_update',
  delivered: 'delivery_update',
};
