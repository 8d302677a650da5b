import { Injectable } from '@nestjs/common';
import { templateStateChanged } from '@soko/contracts';
import { Tenancy, type TenantTx } from '@soko/database';
import { type CloudState, type MetaTemplate, stateOf, type ToldState, worse } from './cloud-state.js';

/** A template of ours with the name of its counterpart. */
interface NamedRow {
  id: string;
  name: string;
  language: string;
  cloud_name: string;
  cloud_language: string;
  cloud_status: ToldState | null;
}

export interface CounterpartRef {
  name: string;
  language: string;
}

/** A template of ours and what it is called at Meta. */
export interface CounterpartOf {
  templateId: string;
  name: string;
  language: string;
  counterpart: CounterpartRef;
}

/** What has become of the counterpart of one template. */
export interface CounterpartChange extends CounterpartOf {
  previousState: CloudState;
  state: CloudState;
  reason?: string;
}

const NAMED = `
  SELECT id, name, language, cloud ->> 'name' AS cloud_name, cloud ->> 'language' AS cloud_language, cloud_status
  FROM message_templates WHERE merchant_id = $1 AND cloud IS NOT NULL AND deleted_at IS NULL`;

const keyOf = ({ name, language }: CounterpartRef): string => `${name}\n${language}`;
const counterpartOf = (row: NamedRow): CounterpartRef => ({ name: row.cloud_name, language: row.cloud_language });

/** How the counterparts of templates stand at Meta, as far as it was told. */
@Injectable()
export class CounterpartService {
  constructor(private readonly tenancy: Tenancy) {}

  /** What is known of a counterpart; `unknown` too when no template names it any more. */
  async state(merchantId: string, { name, language }: CounterpartRef): Promise<{ state: CloudState; reason?: string }> {
    const [row] = await this.tenancy.run(merchantId, (tx) =>
      tx.query<{ cloud_status: ToldState; cloud_reason: string | null }>(
        `SELECT cloud_status, cloud_reason FROM message_templates
         WHERE merchant_id = $1 AND cloud ->> 'name' = $2 AND cloud ->> 'language' = $3 AND cloud_status IS NOT NULL
         ORDER BY cloud_checked_at DESC LIMIT 1`,
        [merchantId, name, language],
      ),
    );
    if (!row) return { state: 'unknown' };
    return { state: row.cloud_status, ...(row.cloud_reason ? { reason: row.cloud_reason } : {}) };
  }

  /** Names of templates, some of them, that may be sent when the window is closed. */
  async usableNames(merchantId: string, most: number): Promise<string[]> {
    const rows = await this.tenancy.run(merchantId, (tx) =>
      tx.query<{ name: string }>(
        `SELECT DISTINCT name FROM message_templates
         WHERE merchant_id = $1 AND status = 'active' AND deleted_at IS NULL AND cloud IS NOT NULL
           AND coalesce(cloud_status, 'approved') = 'approved' ORDER BY name LIMIT $2`,
        [merchantId, most],
      ),
    );
    return rows.map(({ name }) => name);
  }

  /**
   * Notes what Meta has listed. What is not in the list is missing.
   * @param all every template of the merchant's accounts; @param isWhole whether all accounts could be read
   * @param askedAt what was noted later is newer than the list
   */
  async noteAll(
    merchantId: string,
    all: MetaTemplate[],
    { isWhole, askedAt }: { isWhole: boolean; askedAt: Date },
  ): Promise<{
    checked: number;
    changed: CounterpartChange[];
    missing: CounterpartOf[];
  }> {
    const listed = new Map<string, { state: ToldState; reason?: string }>();
    for (const each of all) {
      const told = stateOf(each);
      const known = listed.get(keyOf(each));
      listed.set(keyOf(each), known ? worse(known, told) : told);
    }
    return this.tenancy.run(merchantId, async (tx) => {
      const rows = await tx.query<NamedRow>(`${NAMED} AND coalesce(cloud_checked_at, '-infinity') <= $2 ORDER BY id FOR UPDATE`, [
        merchantId,
        askedAt,
      ]);
      const found = rows.map((row) => ({ row, told: listed.get(keyOf(counterpartOf(row))) }));
      const changed: CounterpartChange[] = [];
      for (const { row, told } of found) {
        if (!told && !isWhole) continue;
        const change = await this.set(tx, row, told ?? { state: 'missing' });
        if (change) changed.push(change);
      }
      const missing = found
        .filter(({ told }) => !told && isWhole)
        .map(({ row }) => ({ templateId: row.id, name: row.name, language: row.language, counterpart: counterpartOf(row) }));
      return { checked: rows.length, changed, missing };
    });
  }

  /** Notes what Meta has told of one. */
  async note(tx: TenantTx, told: MetaTemplate): Promise<void> {
    const rows = await tx.query<NamedRow>(
      `${NAMED} AND cloud ->> 'name' = $2 AND cloud ->> 'language' = $3 ORDER BY id FOR UPDATE`,
      [tx.merchantId, told.name, told.language],
    );
    for (const row of rows) await this.set(tx, row, stateOf(told));
  }

  private async set(
    tx: TenantTx,
    row: NamedRow,
    told: { state: ToldState; reason?: string },
  ): Promise<CounterpartChange | undefined> {
    const { state, reason } = told;
    await tx.query(
      `UPDATE message_templates SET cloud_status = $3, cloud_reason = $4, cloud_checked_at = clock_timestamp()
       WHERE merchant_id = $1 AND id = $2`,
      [tx.merchantId, row.id, state, reason ?? null],
    );
    const previousState = row.cloud_status ?? 'unknown';
    if (previousState === state) return undefined;
    const { id: templateId, name, language } = row;
    const change: CounterpartChange = {
      templateId,
      name,
      language,
      counterpart: counterpartOf(row),
      previousState,
      state,
      ...(reason ? { reason } : {}),
    };
    tx.outbox.emit(templateStateChanged, change);
    return change;
  }
}
