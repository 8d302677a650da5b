import { Injectable } from '@nestjs/common';
import { NotFoundError } from '@soko/common';
import { type MediaView, MediaService } from '@soko/media';
import { type PreviewBody, type TemplatePreview, TemplateRenderer } from '@soko/templates';
import { payloadPreview } from '@soko/whatsapp';
import type { TemplatePreviewView } from './templates.dto.js';

/** Puts the two libs together that a preview needs: templates render, and the networks' adapters say what they would make of it. */
@Injectable()
export class TemplatePreviewService {
  constructor(
    private readonly renderer: TemplateRenderer,
    private readonly media: MediaService,
  ) {}

  async preview(merchantId: string, body: PreviewBody): Promise<TemplatePreviewView> {
    const preview = await this.renderer.preview(merchantId, body);
    const { filled, content, cloud, missing, language, direction } = preview;
    const file = content.type === 'media' ? await this.file(merchantId, content.media.mediaId) : undefined;
    const { warnings, ...payloads } = payloadPreview(content, cloud, file);
    const ofFile = content.type !== 'media' ? [] : fileWarnings(file);
    return {
      rendered: filled,
      payloads,
      missing,
      warnings: [...missing.map(shownAsExample), ...preview.warnings, ...statusWarnings(preview), ...ofFile, ...warnings],
      language,
      direction,
    };
  }

  /** A template may name a file by a variable, whose example is no file. */
  private async file(merchantId: string, id: string): Promise<MediaView | undefined> {
    try {
      return await this.media.get(merchantId, id);
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }
}

const shownAsExample = (name: string): string => `${name} has no value: its example is shown, and a send without it is refused.`;

function fileWarnings(file: MediaView | undefined): string[] {
  if (!file) return ['There is no such file: a send is refused.'];
  if (file.status === 'processing') return ['The file is still processed: a message with it waits for that.'];
  return file.status === 'failed' ? ['The file cannot be used: a message with it fails.'] : [];
}

function statusWarnings({ template, source }: TemplatePreview): string[] {
  const warnings: string[] = [];
  if (template && template.status !== 'active')
    warnings.push(`The template is ${template.status}: it is not sent before it is active.`);
  const state = template?.cloudStatus;
  if (state && state !== 'approved') warnings.push(`Its counterpart at Meta is ${state}, and so not used.`);
  if (!source.cloud)
    warnings.push(
      'It names no counterpart at Meta: 24 hours after the customer’s last message the Cloud API takes nothing of it.',
    );
  return warnings;
}
