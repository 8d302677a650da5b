import type { CloudTemplate, OutboundContent } from '@soko/contracts';
import type { ReadyMedia } from '@soko/media';
import { toProto, type Written } from './baileys/baileys-content.js';
import { numberedText } from './baileys/numbered-text.js';
import { type CloudContent, contentPayload } from './cloud/cloud-payload.js';
import { faultOf } from './outbound-files.js';
import { TransportError } from './transport.js';

/** What is known of a file before any network has it. */
export type PreviewedFile = Pick<ReadyMedia, 'kind' | 'mimeType' | 'size' | 'filename'>;

/** One message as each kind of channel carries it. */
export interface PayloadPreview {
  /** The body of `POST /{phone-number-id}/messages`, without whom it goes to. */
  cloud: object;
  /** Likewise, when the window is closed. */
  cloudTemplate?: object;
  /** The message as WhatsApp Web knows it. */
  baileys: object;
  /** As plain text, with a number before everything that can be chosen. */
  text: string;
  /** For people. */
  warnings: string[];
}

/** Networks name files themselves, once they have them. */
const AT_UPLOAD = '<given at the upload>';

/**
 * What would go out. A file that it names is told of by `file`; without one it is not usable (yet), and only its id is shown.
 * @param template what stands in for the message when the window is closed
 */
export function payloadPreview(content: OutboundContent, template?: CloudTemplate, file?: PreviewedFile): PayloadPreview {
  const warnings: string[] = [];
  if (content.type === 'media') {
    const fault = file && faultOf(file, content.media.caption);
    if (fault) warnings.push(`${fault.message}.`);
  }
  if (content.type === 'buttons' || content.type === 'list')
    warnings.push(
      `WhatsApp Web (kind baileys) shows ${content.type === 'list' ? 'this list' : 'these buttons'} as numbered text; a number or title that is written back counts as the choice.`,
    );
  let cloudTemplate: object | undefined;
  try {
    cloudTemplate = template && templateBody(template, file);
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    warnings.push(`Meta would refuse the counterpart: ${error.message}.`);
  }
  const written = writtenOf(content, file);
  return {
    cloud: contentPayload(cloudContent(content, file)),
    ...(cloudTemplate ? { cloudTemplate } : {}),
    baileys: toProto(written),
    text: numberedText(content),
    warnings,
  };
}

function templateBody({ header, ...rest }: CloudTemplate, file?: PreviewedFile): object {
  const kind = file?.kind ?? 'image';
  const shown = header && 'media' in header ? ({ [kind]: { id: AT_UPLOAD } } as unknown as CloudTemplate['header']) : header;
  return contentPayload({ type: 'template', template: { ...rest, ...(shown ? { header: shown } : {}) } });
}

function cloudContent(content: OutboundContent, file?: PreviewedFile): CloudContent {
  if (content.type !== 'media') return content;
  const { kind, filename } = file ?? { kind: 'document', filename: 'file' };
  const { caption } = content.media;
  const part = { id: AT_UPLOAD, ...(caption ? { caption } : {}), ...(kind === 'document' ? { filename } : {}) };
  return { type: kind, [kind]: part } as CloudContent;
}

function writtenOf(content: OutboundContent, file?: PreviewedFile): Written {
  if (content.type !== 'media') return content;
  const { kind, mimeType, filename } = file ?? { kind: 'document', mimeType: 'application/octet-stream', filename: 'file' };
  const { caption } = content.media;
  const part = {
    url: AT_UPLOAD,
    mimetype: mimeType,
    ...(kind === 'document' ? { fileName: filename } : {}),
    ...(caption ? { caption } : {}),
  };
  return { type: 'media', file: { [`${kind}Message`]: part } };
}
