import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Settings } from '@soko/config';
import { SystemDb } from '@soko/database';
import { Log } from '@soko/observability';
import { answerVerdict, CloudError } from './cloud-errors.js';
import { type Answer, CloudHttp, multipart, type Request, type Upload } from './cloud-http.js';
import { type Permit, SharedBreaker } from './shared-breaker.js';

/** Its row in `breakers`. */
export const CLOUD_BREAKER = 'whatsapp_cloud';

/** Which number calls, and by which right. */
export interface CloudAccess {
  phoneNumberId: string;
  accessToken: string;
}

/** A number as Meta knows it. */
export interface CloudNumber {
  /** As Meta writes it. */
  displayPhone?: string;
  /** Meta's word on whether it may send: AVAILABLE, LIMITED or BLOCKED. */
  canSend?: string;
}

/** A file that lies with Meta. The URL lives 5 minutes. */
export interface CloudMedia {
  url: string;
  mimeType?: string;
  sha256?: string;
  size?: number;
}

/** A template of an account, in Meta's words. */
export interface CloudTemplateState {
  name: string;
  language: string;
  status: string;
  reason?: string;
}

/** The Graph API, behind one breaker that all processes share. What it throws are `CloudError`s; none holds a token. */
@Injectable()
export class CloudClient implements OnApplicationShutdown {
  private readonly http: CloudHttp;
  private readonly version: string;
  private readonly breaker: SharedBreaker;

  constructor(
    settings: Settings,
    system: SystemDb,
    private readonly log: Log,
  ) {
    this.http = new CloudHttp(settings.WHATSAPP_CLOUD_BASE_URL);
    this.version = settings.WHATSAPP_CLOUD_VERSION;
    this.breaker = new SharedBreaker(system, CLOUD_BREAKER);
  }

  /** @returns WhatsApp's id of the message. */
  async send(access: CloudAccess, payload: object): Promise<string> {
    const body = await this.json(access, `${access.phoneNumberId}/messages`, payload);
    const id = (body as { messages?: { id?: unknown }[] } | undefined)?.messages?.[0]?.id;
    if (typeof id === 'string' && id) return id;
    // A success all the same: the status webhook will name it.
    throw new CloudError({ code: 'no_answer', fate: 'doubt', text: 'WhatsApp took the message and did not say under which id.' });
  }

  async mark(access: CloudAccess, payload: object): Promise<void> {
    await this.json(access, `${access.phoneNumberId}/messages`, payload);
  }

  /** What Meta says of the number: whether the token may use it is told by the answer itself. */
  async number({ phoneNumberId, accessToken }: CloudAccess): Promise<CloudNumber> {
    const path = `${phoneNumberId}?fields=display_phone_number,verified_name,health_status`;
    const body = (await this.call({ method: 'GET', path, accessToken })) as
      { display_phone_number?: unknown; health_status?: { can_send_message?: unknown } } | undefined;
    return { displayPhone: text(body?.display_phone_number), canSend: text(body?.health_status?.can_send_message) };
  }

  /** @returns Meta's id of the file, which lives 30 days. */
  async upload({ phoneNumberId, accessToken }: CloudAccess, file: Upload): Promise<string> {
    const { contentType, body } = multipart(file);
    const headers = { 'content-type': contentType };
    const answer = await this.call({ method: 'POST', path: `${phoneNumberId}/media`, accessToken, headers, body });
    const id = text((answer as { id?: unknown } | undefined)?.id);
    if (id) return id;
    throw new CloudError({
      code: 'media_refused',
      fate: 'retry',
      text: 'WhatsApp took the file and did not say under which id.',
    });
  }

  /** Where a file lies. @param mediaId of an upload, or of what a customer has sent (7 days). */
  async media({ accessToken }: Pick<CloudAccess, 'accessToken'>, mediaId: string): Promise<CloudMedia> {
    const body = await this.call({ method: 'GET', path: encodeURIComponent(mediaId), accessToken });
    const { url, mime_type, sha256, file_size } = (body ?? {}) as Record<string, unknown>;
    const size = Number(file_size);
    if (typeof url !== 'string') {
      throw new CloudError({ code: 'media_unreadable', fate: 'failed', text: 'Meta does not say where the file lies.' });
    }
    return { url, mimeType: text(mime_type), sha256: text(sha256), ...(Number.isSafeInteger(size) ? { size } : {}) };
  }

  /** The bytes of such a file, as they come; never more than `maxBytes`. */
  download(
    { accessToken }: Pick<CloudAccess, 'accessToken'>,
    { url }: Pick<CloudMedia, 'url'>,
    maxBytes: number,
  ): AsyncGenerator<Buffer> {
    return this.http.download(url, accessToken, maxBytes);
  }

  /** One page of an account's templates. @param after `next` of the page before */
  async templates(
    { accessToken }: Pick<CloudAccess, 'accessToken'>,
    wabaId: string,
    after?: string,
  ): Promise<{ templates: CloudTemplateState[]; next?: string }> {
    const query = new URLSearchParams({
      fields: 'name,language,status,rejected_reason',
      limit: '200',
      ...(after ? { after } : {}),
    });
    const path = `${encodeURIComponent(wabaId)}/message_templates?${query.toString()}`;
    const answer = (await this.call({ method: 'GET', path, accessToken })) as
      { data?: unknown; paging?: { next?: unknown; cursors?: { after?: unknown } } } | undefined;
    if (!Array.isArray(answer?.data))
      throw new CloudError({ code: 'no_answer', fate: 'retry', text: 'Meta answered without a list of templates.' });
    const templates = answer.data.flatMap((each: Record<string, unknown> | null) => {
      const [name, language, status] = [text(each?.name), text(each?.language), text(each?.status)];
      const reason = text(each?.rejected_reason);
      return name && language && status ? [{ name, language, status, ...(reason ? { reason } : {}) }] : [];
    });
    const { paging } = answer;
    const next = paging?.next ? text(paging.cursors?.after) : undefined;
    return { templates, ...(next ? { next } : {}) };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.http.close();
  }

  private json({ accessToken }: CloudAccess, path: string, payload: object): Promise<unknown> {
    const bytes = Buffer.from(JSON.stringify(payload));
    const headers = { 'content-type': 'application/json' };
    return this.call({ method: 'POST', path, accessToken, headers, body: { bytes: [bytes], size: bytes.length } });
  }

  /** The body of a success. */
  private async call(request: Request): Promise<unknown> {
    const permit = await this.breaker.ask();
    if (typeof permit === 'number') {
      const text = 'WhatsApp has failed so often that it is left alone for a while.';
      throw new CloudError({ code: 'network_away', fate: 'wait', text, afterMs: permit });
    }
    let answer: Answer;
    try {
      answer = await this.http.ask({ ...request, path: `/${this.version}/${request.path}` });
    } catch (error) {
      await this.settle(permit, false, (error as Error).message);
      throw error;
    }
    const { status, body, retryAfter } = answer;
    await this.settle(permit, status < 500, `Meta answered ${status}`);
    if (status >= 200 && status < 300) return body;
    throw new CloudError(answerVerdict(status, body, retryAfter));
  }

  /** What became of the call counts more than whether the breaker could be told. */
  private async settle(permit: Permit, ok: boolean, reason: string): Promise<void> {
    await permit.settle(ok, reason).catch((error: unknown) => this.log.warn({ err: error }, 'the breaker was not told'));
  }
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value ? value : undefined);
