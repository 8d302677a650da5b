import { Injectable } from '@nestjs/common';
import { ValidationError } from '@soko/common';
import { Tenancy } from '@soko/database';
import {
  contentOf,
  type MessageCategory,
  MessageStore,
  type Outgoing,
  type QueuedView,
  recipientOf,
  type SendMessageBody,
  type TemplateContent,
} from '@soko/messaging';
import { TemplateRenderer } from '@soko/templates';
import { OutboundFiles } from '@soko/whatsapp';

/** What is sent, and what the template says of it where there is one. */
type Said = Pick<Outgoing, 'content' | 'template' | 'cloudTemplate' | 'category'>;

/** Puts the two libs together that a send may need: templates render, messaging queues. */
@Injectable()
export class SendService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly store: MessageStore,
    private readonly templates: TemplateRenderer,
    private readonly files: OutboundFiles,
  ) {}

  async send(merchantId: string, body: SendMessageBody): Promise<QueuedView> {
    const [wanted, to] = [contentOf(body), recipientOf(body)];
    const said: Said = wanted.type === 'template' ? await this.render(merchantId, wanted.template) : { content: wanted };
    if (said.content.type === 'media') await this.files.check(merchantId, said.content.media);
    const { channelId, replyTo } = body;
    const category = stricter(said.category, body.category);
    const sendAt = body.sendAt ? new Date(body.sendAt) : undefined;
    return this.tenancy.run(merchantId, (tx) =>
      this.store.queue(tx, { to, channelId, replyTo, ...said, ...(category ? { category } : {}), sendAt }),
    );
  }

  private async render(merchantId: string, { name, language, variables }: TemplateContent): Promise<Said> {
    try {
      const { template, content, cloud } = await this.tenancy.run(merchantId, (tx) =>
        this.templates.render(tx, { name, language, variables }),
      );
      return { content, template, cloudTemplate: cloud, category: template.category };
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      throw new ValidationError(error.errors!.map((fault) => ({ ...fault, path: `template.${fault.path}` })));
    }
  }
}

/** Nobody gets marketing who wants none, whichever of the two calls it that. */
const stricter = (template?: MessageCategory, asked?: MessageCategory): MessageCategory | undefined =>
  template === 'marketing' ? template : (asked ?? template);
