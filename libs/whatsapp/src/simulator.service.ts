import { Injectable } from '@nestjs/common';
import { isTime, newId, NotFoundError, type Page, pageOf, ValidationError } from '@soko/common';
import { Settings } from '@soko/config';
import type { InboundContent, MediaKind, OutboundContent } from '@soko/contracts';
import { Tenancy, type TenantTx } from '@soko/database';
import { MediaService, type MediaView } from '@soko/media';
import { ChannelService, MessageStore, SendQueue, SimulatorOffError } from '@soko/messaging';
import type {
  PhoneFileView,
  PhoneMessageBody,
  PhoneMessageView,
  PhoneQuery,
  PhoneWroteView,
  ReceiptBody,
} from './simulator.dto.js';

interface Row {
  wa_message_id: string;
  seq: number;
  content: OutboundContent;
  text: string;
  status: 'sent' | 'delivered' | 'read';
  received_at: Date;
}

/** The customers' phones of a simulator channel. */
@Injectable()
export class SimulatorService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly channels: ChannelService,
    private readonly store: MessageStore,
    private readonly sends: SendQueue,
    private readonly media: MediaService,
    private readonly settings: Settings,
  ) {}

  /** A customer writes. Stored before this returns; the same waMessageId again changes nothing. */
  async write(merchantId: string, channelId: string, body: PhoneMessageBody): Promise<PhoneWroteView> {
    const waMessageId = body.waMessageId ?? `sim.in.${newId()}`;
    await this.onChannel(merchantId, channelId, async (tx) => {
      const content = await this.content(tx, channelId, body);
      await this.store.receive(tx, channelId, { waMessageId, from: { phone: body.from }, name: body.name, content });
    });
    return { waMessageId };
  }

  /** What the phone has received, in order. */
  async received(merchantId: string, channelId: string, phone: string, query: PhoneQuery): Promise<Page<PhoneMessageView>> {
    const { after = '0', limit } = query;
    const seq = /^\d{1,15}$/.test(after) ? after : null;
    const time = isTime(after) && !seq ? after : null;
    const rows = await this.onChannel(merchantId, channelId, (tx) =>
      tx.query<Row>(
        `SELECT * FROM simulator_messages WHERE merchant_id = $1 AND channel_id = $2 AND phone = $3
           AND seq > coalesce($4::bigint, (SELECT seq FROM simulator_messages
                                           WHERE merchant_id = $1 AND channel_id = $2 AND wa_message_id = $5), 0)
           AND ($6::timestamptz IS NULL OR received_at > $6) ORDER BY seq LIMIT $7`,
        [merchantId, channelId, phone, seq, after, time, limit + 1],
      ),
    );
    const ids = rows.flatMap(({ content }) => (content.type === 'media' ? [content.media.mediaId] : []));
    const files = await this.media.getMany(merchantId, [...new Set(ids)]);
    return pageOf(
      rows,
      query.limit,
      (row) => view(row, files),
      (row) => [String(row.seq)],
    );
  }

  /** The phone tells that a message has arrived or was read. */
  async receipt(merchantId: string, channelId: string, phone: string, body: ReceiptBody): Promise<void> {
    await this.onChannel(merchantId, channelId, async (tx) => {
      const [row] = await tx.query(
        `UPDATE simulator_messages SET status = CASE WHEN status = 'read' THEN 'read' ELSE $5 END
         WHERE merchant_id = $1 AND channel_id = $2 AND phone = $3 AND wa_message_id = $4 RETURNING seq`,
        [merchantId, channelId, phone, body.waMessageId, body.status],
      );
      if (!row) throw new NotFoundError('message', body.waMessageId);
      await this.sends.receipt(tx, channelId, { waMessageId: body.waMessageId, status: body.status });
    });
  }

  private async onChannel<R>(merchantId: string, channelId: string, work: (tx: TenantTx) => Promise<R>): Promise<R> {
    if (!this.settings.simulator) throw new SimulatorOffError();
    return this.tenancy.run(merchantId, async (tx) => {
      const { kind } = await this.channels.resolve(tx, channelId);
      if (kind !== 'simulator') throw new NotFoundError('channel', channelId);
      return work(tx);
    });
  }

  private async content(tx: TenantTx, channelId: string, body: PhoneMessageBody): Promise<InboundContent> {
    switch (body.type) {
      case 'text':
        return { type: 'text', text: { body: body.text! } };
      case 'button':
      case 'list':
        return { type: 'reply', reply: { id: body.replyId!, title: body.text ?? (await this.title(tx, channelId, body)) } };
      case 'location':
        return { type: 'location', location: body.location! };
      case 'image':
        if (body.mediaId) await this.assertPicture(tx, body.mediaId);
        return { type: 'image', image: { mediaId: body.mediaId, caption: body.text } };
    }
  }

  /** @throws NotFoundError, ValidationError */
  private async assertPicture(tx: TenantTx, id: string): Promise<void> {
    const [file] = await tx.query<{ kind: MediaKind }>('SELECT kind FROM media_files WHERE merchant_id = $1 AND id = $2', [
      tx.merchantId,
      id,
    ]);
    if (!file) throw new NotFoundError('media', id);
    if (file.kind === 'image') return;
    const message = `an image is sent with a picture, and the file ${id} is a ${file.kind}`;
    throw new ValidationError([{ path: 'mediaId', code: 'kind', message }]);
  }

  /** The title of the option that was tapped, as the phone last showed it. */
  private async title(tx: TenantTx, channelId: string, body: PhoneMessageBody): Promise<string> {
    const rows = await tx.query<{ content: OutboundContent }>(
      'SELECT content FROM simulator_messages WHERE merchant_id = $1 AND channel_id = $2 AND phone = $3 ORDER BY seq DESC LIMIT 20',
      [tx.merchantId, channelId, body.from],
    );
    const options = rows.flatMap(({ content }) => {
      if (content.type === 'buttons') return content.buttons.buttons;
      return content.type === 'list' ? content.list.sections.flatMap((section) => section.rows) : [];
    });
    return options.find((option) => option.id === body.replyId)?.title ?? body.replyId!;
  }
}

function view(row: Row, files: Map<string, MediaView>): PhoneMessageView {
  const { content } = row;
  const file = content.type === 'media' ? files.get(content.media.mediaId.toLowerCase()) : undefined;
  return {
    waMessageId: row.wa_message_id,
    seq: row.seq,
    type: content.type,
    content,
    text: row.text,
    ...(file ? { media: fileView(file) } : {}),
    status: row.status,
    receivedAt: row.received_at.toISOString(),
  };
}

const fileView = ({ kind, url, mimeType, filename, variants }: MediaView): PhoneFileView => ({
  kind,
  url,
  mimeType: variants.original?.mimeType ?? mimeType,
  filename,
});
