import { backoff, normalisePhone } from '@soko/common';
import type { CloudTemplate } from '@soko/contracts';
import type { ChannelReport, ContactAddress } from '@soko/messaging';
import type { Log } from '@soko/observability';
import {
  FILE_ERRORS,
  type Session,
  type SessionHost,
  type TransportChannel,
  TransportError,
  type TransportMessage,
} from '../transport.js';
import type { CloudCounterparts } from './cloud-counterparts.js';
import { CloudError, HALT_MS } from './cloud-errors.js';
import type { CloudFiles, CloudUpload } from './cloud-files.js';
import { type CloudContent, messagePayload, readPayload } from './cloud-payload.js';
import type { CloudAccess, CloudClient } from './cloud.client.js';
import type { SendLimits } from './send-limits.js';

/** Meta closes it so long after the customer's last message: https://developers.facebook.com/docs/whatsapp/conversation-types */
const WINDOW_MS = 24 * 3_600_000;
/** Errors that a file which Meta does not know any more can lead to. */
const FILE_TROUBLE = [...FILE_ERRORS, 'content_refused'];
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 5 * 60_000;

/** What the sessions of all cloud channels stand on. */
export interface CloudTools {
  client: CloudClient;
  files: CloudFiles;
  counterparts: CloudCounterparts;
  /** Names of templates, some of them, that can be sent when the window is closed. */
  templates: (merchantId: string) => Promise<string[]>;
  log: Log;
}

/** What goes out of a message. */
interface Way {
  content: CloudContent;
  /** The file that it names. */
  file?: CloudUpload;
  /** It stands in for the message. */
  template?: CloudTemplate;
}

/**
 * One number on the Cloud API. There is no connection to hold: it is open once Meta has shown the number to our token, and shut
 * while Meta refuses everything for a reason that only people can take away (halted).
 */
export class CloudSession implements Session {
  private state: 'connecting' | 'open' | 'halted' = 'connecting';
  private closed = false;
  private timer?: NodeJS.Timeout;
  private failures = 0;
  /** The code of the trouble that was told last, until a message goes out: who knows of it is not alarmed again. */
  private told?: string;

  constructor(
    private readonly channel: TransportChannel,
    private readonly access: CloudAccess,
    private readonly host: SessionHost,
    private readonly limits: SendLimits,
    private readonly tools: CloudTools,
  ) {}

  get sends(): boolean {
    return this.state === 'open' && !this.closed;
  }

  /** Looks at the number, now and for as long as it takes. */
  async start(): Promise<void> {
    await this.tryReport({ status: 'connecting' });
    await this.look();
  }

  async send(message: TransportMessage): Promise<string> {
    const way = await this.wayOf(message);
    const payload = messagePayload({ ...message, content: way.content });
    await this.limits.pass(message.contactId);
    if (!this.sends) throw new TransportError('channel_disconnected', 'The channel is not connected.', 'wait');
    try {
      const id = await this.tools.client.send(this.access, payload);
      this.limits.accepted(message.contactId);
      this.told = undefined;
      return id;
    } catch (error) {
      throw way.file?.remembered && error instanceof CloudError && FILE_TROUBLE.includes(error.code)
        ? await this.anew(error, way.file)
        : await this.judge(error, message, way);
    }
  }

  /** The message itself, or when the window is closed the template that stands in for it. @throws TransportError */
  private async wayOf({ content, cloudTemplate, lastInboundAt }: TransportMessage): Promise<Way> {
    const isOpen = lastInboundAt !== null && Date.now() - lastInboundAt.getTime() < WINDOW_MS;
    if (!isOpen && !cloudTemplate) {
      const text = lastInboundAt ? 'The customer’s last message is more than 24 hours old' : 'The customer has not written yet';
      throw new TransportError('window_closed', `${text}: WhatsApp takes only templates now. ${await this.advice()}`, 'failed');
    }
    try {
      if (!isOpen) {
        const written = await this.tools.counterparts.written(this.channel, this.access, cloudTemplate!);
        return { ...written, template: cloudTemplate! };
      }
      if (content.type !== 'media') return { content };
      const file = await this.tools.files.of(this.channel, this.access, content.media);
      return { content: file.content, file };
    } catch (error) {
      if (error instanceof CloudError && error.halts) await this.halt(error.code, error.message);
      throw error;
    }
  }

  /** Meta may have forgotten a file: the next try uploads it again. */
  private async anew(error: CloudError, file: CloudUpload): Promise<TransportError> {
    await this.tools.files.forget(this.channel, file);
    return new TransportError(error.code, error.message, 'retry');
  }

  async markRead(_to: ContactAddress, waMessageId: string, typing: boolean): Promise<void> {
    if (this.sends) await this.tools.client.mark(this.access, readPayload(waMessageId, typing));
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
  }

  private async look(): Promise<void> {
    if (this.closed) return;
    try {
      const { displayPhone, canSend } = await this.tools.client.number(this.access);
      if (canSend === 'BLOCKED') {
        await this.halt('messaging_blocked', 'Meta lets this number send nothing: see Meta’s Business Manager, Account quality.');
        return;
      }
      const phone = displayPhone && normalisePhone(displayPhone);
      if (!(await this.report({ status: 'connected', ...(phone ? { phone } : {}) }))) return;
      this.failures = 0;
      this.state = 'open';
      this.host.ready();
    } catch (error) {
      // What Meta refuses, it refuses until something is changed.
      if (error instanceof CloudError && (error.halts || error.fate === 'failed')) await this.halt(error.code, error.message);
      else await this.retry(error);
    }
  }

  /** Meta, or our own database, is away: that passes. */
  private async retry(error: unknown): Promise<void> {
    this.failures += 1;
    const reason = error instanceof TransportError ? error.message : 'The channel’s state could not be written.';
    const asked = error instanceof TransportError ? (error.afterMs ?? 0) : 0;
    if (this.failures === 1) await this.tryReport({ status: 'connecting', reason });
    this.lookIn(Math.max(asked, backoff(this.failures, FIRST_RETRY_MS, LONGEST_RETRY_MS)));
  }

  private async halt(code: string, reason: string): Promise<void> {
    // Sends that were under way meet the same refusal.
    if (this.state === 'halted' && this.told === code) return this.lookIn(HALT_MS);
    const alarm = this.told !== code;
    this.state = 'halted';
    this.told = code;
    this.tools.log.warn({ channelId: this.channel.id, code }, 'a cloud channel was halted');
    await this.tryReport({ status: 'failed', reason, ...(alarm ? { alarm } : {}) });
    this.lookIn(HALT_MS);
  }

  private lookIn(ms: number): void {
    clearTimeout(this.timer);
    if (this.closed) return;
    this.timer = setTimeout(() => void this.look(), ms);
  }

  /** @returns false once the channel is another gateway's, or closed. */
  private async report(report: ChannelReport): Promise<boolean> {
    if (this.closed) return false;
    if (!(await this.host.report(report))) await this.close();
    return !this.closed;
  }

  /** Where the next look makes up for it. */
  private async tryReport(report: ChannelReport): Promise<void> {
    try {
      await this.report(report);
    } catch (error) {
      this.tools.log.warn({ err: error, channelId: this.channel.id }, 'the state of a cloud channel was not written');
    }
  }

  /** What can be sent instead. */
  private async advice(): Promise<string> {
    const names = await this.tools.templates(this.channel.merchantId).catch(() => []);
    return names.length > 0
      ? `Templates with a counterpart at Meta: ${names.join(', ')}.`
      : 'No active template names its counterpart at Meta: say it in cloud (PATCH /api/templates/:id), and send that template.';
  }

  /** What a failed call means here, which may be more than the error knows. */
  private async judge(error: unknown, { contactId }: TransportMessage, { template }: Way): Promise<unknown> {
    if (!(error instanceof CloudError)) return error;
    const { code, message, fate, afterMs } = error;
    if (error.halts) await this.halt(code, message);
    if (template) await this.tools.counterparts.refused(this.channel, template, error);
    if (code === 'window_closed') return new TransportError(code, `${message} ${await this.advice()}`, fate);
    if (code === 'pair_rate_limited') {
      return new TransportError(code, message, fate, Math.max(afterMs ?? 0, this.limits.refused(contactId)));
    }
    return error;
  }
}
