import { Injectable } from '@nestjs/common';
import { ValidationError } from '@soko/common';
import { contentText } from '@soko/contracts';
import { Tenancy, type TenantTx } from '@soko/database';
import { ChannelService } from '@soko/messaging';
import { type Rendered, TemplateRenderer } from '@soko/templates';
import { OWN_VALUE, type PersonRow, personView, wantedFor } from './broadcast.row.js';
import { type Audience, BroadcastStore } from './broadcast.store.js';
import { type Warning, warningsOf } from './broadcast-warnings.js';
import type { BroadcastExampleView, BroadcastPreviewBody, BroadcastPreviewView } from './broadcasts.dto.js';
import { NotForBroadcastsError } from './broadcasts.errors.js';

const EXAMPLES = 3;
/** Stands for the customer's name, which each has their own of. */
const ANY_NAME = 'Customer';

/** What would come of a broadcast. */
export interface BroadcastOutlook extends Omit<BroadcastPreviewView, 'warnings'> {
  warnings: Warning[];
  /** Why the first of them would get nothing. */
  faults: string[];
}

/** Tells what would come of a broadcast; nothing is stored or sent. */
@Injectable()
export class BroadcastPreviewService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly store: BroadcastStore,
    private readonly channels: ChannelService,
    private readonly templates: TemplateRenderer,
  ) {}

  /** @throws as `audience` */
  preview(merchantId: string, body: BroadcastPreviewBody): Promise<BroadcastPreviewView> {
    return this.tenancy.run(merchantId, async (tx) => {
      const { warnings, faults, ...told } = await this.outlook(tx, body);
      return { ...told, warnings: [...warnings.map(({ text }) => text), ...faults] };
    });
  }

  /** @throws as `audience` */
  async outlook(tx: TenantTx, body: BroadcastPreviewBody): Promise<BroadcastOutlook> {
    const { audience, channelKind, rendered } = await this.audience(tx, body);
    const { recipients, excluded: obstacles } = await this.store.audience(tx, audience);
    const excluded = {
      blocked: obstacles.blocked ?? 0,
      optedOut: obstacles.opted_out ?? 0,
      marketingStopped: obstacles.marketing_stopped ?? 0,
      notOptedIn: obstacles.not_opted_in ?? 0,
      unreachable: obstacles.unreachable ?? 0,
    };
    const people = await this.store.firstOf(tx, audience, EXAMPLES);
    const tried: (BroadcastExampleView | string)[] = [];
    for (const person of people) tried.push(await this.example(tx, body, person));
    return {
      recipients,
      excluded,
      examples: tried.filter((each) => typeof each !== 'string'),
      warnings: warningsOf({ recipients, excluded, channelKind, hasCounterpart: rendered.cloud !== undefined }),
      faults: tried.filter((each) => typeof each === 'string'),
    };
  }

  /**
   * Who would get it, after a look at the template and its values.
   * @throws NoChannelError, NotFoundError, TemplateNotFoundError, TemplateNotActiveError, ValidationError, NotForBroadcastsError
   */
  async audience(
    tx: TenantTx,
    body: BroadcastPreviewBody,
  ): Promise<{ audience: Audience; channelKind: string; rendered: Rendered }> {
    const channel = await this.channels.resolve(tx, body.channelId);
    const rendered = await this.render(tx, body);
    const { category } = rendered.template;
    if (category === 'authentication') throw new NotForBroadcastsError(category);
    return { audience: { segment: body.segment, channel_id: channel.id, category }, channelKind: channel.kind, rendered };
  }

  /** Every value that is given must be one of the template's, and every one that it needs be given, but for the customer's name. */
  private async render(tx: TenantTx, { templateName: name, variables = {} }: BroadcastPreviewBody): Promise<Rendered> {
    try {
      return await this.templates.render(tx, { name, variables });
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      const faults = error.errors!.filter(({ path, code }) => path !== `variables.${OWN_VALUE}` || code !== 'missing');
      if (faults.length > 0) throw new ValidationError(faults);
      return this.templates.render(tx, { name, variables: { [OWN_VALUE]: ANY_NAME, ...variables } });
    }
  }

  /** The message as this customer would read it, or why there is none. */
  private async example(
    tx: TenantTx,
    { templateName, variables }: BroadcastPreviewBody,
    person: PersonRow,
  ): Promise<BroadcastExampleView | string> {
    try {
      const { template, content } = await this.templates.render(tx, wantedFor(person, templateName, variables));
      return { ...personView(person), language: template.language, text: contentText(content) };
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      return `${person.phone ?? person.contact_id} would get nothing: ${error.detail}`;
    }
  }
}
