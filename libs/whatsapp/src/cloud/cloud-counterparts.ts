import { Injectable } from '@nestjs/common';
import type { CloudTemplate, CloudTemplateHeader } from '@soko/contracts';
import { Tenancy } from '@soko/database';
import { Log } from '@soko/observability';
import { CounterpartService, isUsable } from '@soko/templates';
import { type TransportChannel, TransportError } from '../transport.js';
import type { CloudError } from './cloud-errors.js';
import { CloudFiles, type CloudUpload } from './cloud-files.js';
import type { CloudContent } from './cloud-payload.js';
import type { CloudAccess } from './cloud.client.js';

/** What Meta says of a template by refusing it, in the words of its lists. */
const TOLD: Record<string, string> = { template_paused: 'PAUSED', template_disabled: 'DISABLED', template_missing: 'DELETED' };

/** Templates that Meta has approved, in place of messages that it takes no more. */
@Injectable()
export class CloudCounterparts {
  constructor(
    private readonly counterparts: CounterpartService,
    private readonly files: CloudFiles,
    private readonly tenancy: Tenancy,
    private readonly log: Log,
  ) {}

  /** The template as it goes out, its file handed to Meta first. @throws TransportError when Meta would not take it now */
  async written(
    channel: TransportChannel,
    access: CloudAccess,
    { header, ...rest }: CloudTemplate,
  ): Promise<{ content: CloudContent; file?: CloudUpload }> {
    const { state, reason } = await this.counterparts.state(channel.merchantId, rest);
    if (!isUsable(state)) {
      const why = reason ? ` (${reason})` : '';
      throw new TransportError(
        `template_${state}`,
        `The window is closed, and Meta’s template ${rest.name} (${rest.language}) is ${state}${why}: change it at Meta, then POST /api/templates/sync.`,
        'failed',
      );
    }
    if (!header || !('media' in header))
      return { content: { type: 'template', template: { ...rest, ...(header ? { header } : {}) } } };
    const file = await this.files.of(channel, access, header.media);
    return { content: { type: 'template', template: { ...rest, header: headerOf(file) } }, file };
  }

  /** Meta has refused it: that is so for the next message, too. */
  async refused(
    { merchantId }: TransportChannel,
    { name, language }: CloudTemplate,
    { code, message }: CloudError,
  ): Promise<void> {
    const status = Object.hasOwn(TOLD, code) ? TOLD[code] : undefined;
    if (!status) return;
    await this.tenancy
      .run(merchantId, (tx) => this.counterparts.note(tx, { name, language, status, reason: message }))
      .catch((error: unknown) => this.log.warn({ err: error, name, language }, 'the state of a template was not written'));
  }
}

function headerOf({ content }: CloudUpload): CloudTemplateHeader {
  const [kind, { id, filename }] = Object.entries(content).find(([key]) => key !== 'type') as [
    string,
    { id: string; filename?: string },
  ];
  if (kind !== 'image' && kind !== 'video' && kind !== 'document')
    throw new TransportError(
      'media_refused',
      `A template’s header is a picture, a video or a document; the file is of kind ${kind}.`,
      'failed',
    );
  return { [kind]: { id, ...(filename ? { filename } : {}) } } as CloudTemplateHeader;
}
