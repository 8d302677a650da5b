import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { NotFoundError } from '@soko/common';
import { botConnected, botDisconnected, channelFailed, channelLinking, channelRestricted } from '@soko/contracts';
import { Tenancy, type TenantTx } from '@soko/database';
import QRCode from 'qrcode';
import type { PairingCodeView, QrView } from './channel.dto.js';
import type { ChannelKind, ChannelReport, ChannelStatus } from './channel.entity.js';
import { ChannelService } from './channel.service.js';
import { GatewaySilentError, NotLinkableError, NotLinkingError } from './messaging.errors.js';

/** How long a caller waits for the gateway to come with a pairing code. */
const CODE_WAIT_MS = 25_000;

interface LinkRow {
  kind: ChannelKind;
  status: ChannelStatus;
  link_qr: string | null;
  link_code: string | null;
  link_phone: string | null;
  link_expires_at: Date | null;
}

/** What the gateway tells of a channel's session, and what people need of it to link a phone. Both meet in the database alone. */
@Injectable()
export class ChannelSessionService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly channels: ChannelService,
  ) {}

  /**
   * The gateway's report on the session that serves `wish`. A report with an older fence is refused.
   * @returns whether it was taken.
   */
  async report(merchantId: string, id: string, fence: number, wish: number, report: ChannelReport): Promise<boolean> {
    return this.tenancy.run(merchantId, async (tx) => {
      const [row] = await tx.query<{
        kind: ChannelKind;
        phone: string | null;
        before: ChannelStatus;
        reason_before: string | null;
      }>(
        `WITH old AS (SELECT id, status, reason FROM channels WHERE merchant_id = $1 AND id = $2 FOR NO KEY UPDATE)
         UPDATE channels c SET status = $4, reason = $5, fence = $3, phone = coalesce($6, phone),
                last_connected_at = CASE WHEN 'connected' IN ($4, old.status) THEN now() ELSE last_connected_at END
         FROM old WHERE c.merchant_id = $1 AND c.id = old.id AND c.fence <= $3
         RETURNING c.kind, c.phone, old.status AS before, old.reason AS reason_before`,
        [merchantId, id, fence, report.status, report.reason ?? null, report.phone ?? null],
      );
      if (!row) return false;
      const { link } = report;
      await tx.query(
        `UPDATE channel_states SET link_qr = $3, link_code = $4, link_expires_at = $5,
                link_phone = CASE WHEN $6 THEN NULL ELSE link_phone END,
                restricted_until = coalesce($7, restricted_until), stopped_wish = CASE WHEN $8 THEN $9 ELSE stopped_wish END
         WHERE merchant_id = $1 AND channel_id = $2`,
        [
          merchantId,
          id,
          link?.method === 'qr' ? link.value : null,
          link?.method === 'code' ? link.value : null,
          link?.expiresAt ?? null,
          report.status === 'connected' || report.stopped === true,
          report.restrictedUntil ?? null,
          report.stopped ?? false,
          wish,
        ],
      );
      this.emit(tx, id, row, report);
      return true;
    });
  }

  private emit(
    tx: TenantTx,
    channelId: string,
    {
      kind,
      phone,
      before,
      reason_before,
    }: { kind: ChannelKind; phone: string | null; before: ChannelStatus; reason_before: string | null },
    { status, reason, link, restrictedUntil, alarm }: ChannelReport,
  ): void {
    const data = { channelId, kind, ...(phone ? { phone } : {}), ...(reason ? { reason } : {}) };
    if (status === 'connected' && before !== 'connected') tx.outbox.emit(botConnected, data);
    if (status !== 'connected' && before === 'connected') tx.outbox.emit(botDisconnected, data);
    if (link)
      tx.outbox.emit(channelLinking, {
        ...data,
        method: link.method,
        [link.method]: link.value,
        expiresAt: link.expiresAt.toISOString(),
      });
    // Once for the same trouble, however often it is found again.
    if (alarm && (before !== status || reason_before !== (reason ?? null))) tx.outbox.emit(channelFailed, data);
    if (restrictedUntil) tx.outbox.emit(channelRestricted, { ...data, until: restrictedUntil.toISOString() });
  }

  /** What to scan now. @throws NotLinkingError, NotLinkableError, NotFoundError */
  async qr(merchantId: string, id?: string): Promise<QrView> {
    const row = await this.tenancy.run(merchantId, async (tx) => this.link(tx, id ?? (await this.channels.resolve(tx)).id));
    if (!row.link_qr || row.link_expires_at! < new Date()) throw new NotLinkingError(whyNoQr(row));
    const png = await QRCode.toDataURL(row.link_qr, { margin: 2, width: 480 });
    return { qr: row.link_qr, png, expiresAt: row.link_expires_at!.toISOString() };
  }

  /**
   * Has the gateway ask WhatsApp for a code that links the phone of this number, and waits for it.
   * @throws NotLinkableError, NotLinkingError when the channel is linked already, GatewaySilentError
   */
  async pairingCode(merchantId: string, id: string, phone: string): Promise<PairingCodeView> {
    await this.tenancy.run(merchantId, async (tx) => {
      const row = await this.link(tx, id);
      if (row.status === 'connected')
        throw new NotLinkingError('The channel is linked already; log it out before you link another phone.');
      await tx.query(
        `UPDATE channel_states SET link_phone = $3, link_qr = NULL, link_code = NULL, link_expires_at = NULL
         WHERE merchant_id = $1 AND channel_id = $2`,
        [merchantId, id, phone],
      );
      await tx.query(`UPDATE channels SET desired = 'connected', wish = wish + 1 WHERE merchant_id = $1 AND id = $2`, [
        merchantId,
        id,
      ]);
    });
    const deadline = performance.now() + CODE_WAIT_MS;
    while (performance.now() < deadline) {
      const row = await this.tenancy.run(merchantId, (tx) => this.link(tx, id));
      if (row.link_code) return { code: row.link_code, expiresAt: row.link_expires_at!.toISOString() };
      await pause(200);
    }
    throw new GatewaySilentError();
  }

  private async link(tx: TenantTx, id: string): Promise<LinkRow> {
    const [row] = await tx.query<LinkRow>(
      `SELECT c.kind, c.status, t.* FROM channels c JOIN channel_states t ON t.merchant_id = c.merchant_id AND t.channel_id = c.id
       WHERE c.merchant_id = $1 AND c.id = $2 AND c.deleted_at IS NULL`,
      [tx.merchantId, id],
    );
    if (!row) throw new NotFoundError('channel', id);
    if (row.kind !== 'baileys') throw new NotLinkableError(row.kind);
    return row;
  }
}

function whyNoQr(row: LinkRow): string {
  if (row.status === 'connected') return 'The channel is linked; there is nothing to scan.';
  if (row.link_code) return 'The channel waits for its pairing code to be typed on the phone.';
  if (row.status === 'connecting' || row.status === 'awaiting_scan') return 'The QR code is on its way; ask again in a moment.';
  return 'The channel is not linking; start it with POST /api/channels/:id/connect.';
}
