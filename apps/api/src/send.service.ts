import { Injectable } from '@nestjs/common';
import { ValidationError } from '@soko/common';
import { Tenancy } from '@soko/database';
import { contentOf, MessageStore, type QueuedView, recipientOf, type SendMessageBody } from '@soko/messaging';
import { TemplateService, type Variables } from '@soko/templates';
import { OutboundFiles } from '@soko/whatsapp';

/** Puts the two libs together that a send may need: templates render, messaging queues. */
@Injectable()
export class SendService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly store: MessageStore,
    private readonly templates: TemplateService,
    private readonly files: OutboundFiles,
  ) {}

  async send(merchantId: string, body: SendMessageBody): Promise<QueuedView> {
    const [wanted, to] = [contentOf(body), recipientOf(body)];
    if (wanted.type === 'media') await this.files.check(merchantId, wanted.media);
    return this.tenancy.run(merchantId, async (tx) => {
      const content =
        wanted.type === 'template'
          ? await this.templates.render(tx, wanted.template.name, plain(wanted.template.variables), wanted.template.language)
          : wanted;
      const { channelId, replyTo, category } = body;
      const sendAt = body.sendAt ? new Date(body.sendAt) : undefined;
      return this.store.queue(tx, { to, channelId, replyTo, content, category, sendAt });
    });
  }
}

function plain(variables: Record<string, unknown>): Variables {
  const faults = Object.entries(variables).filter(([, value]) => typeof value !== 'string' && typeof value !== 'number');
  if (faults.length === 0) return variables as Variables;
  throw new ValidationError(
    faults.map(([name]) => ({
      path: `template.variables.${name}`,
      code: 'value',
      message: `${name} must be a string or a number`,
    })),
  );
}
