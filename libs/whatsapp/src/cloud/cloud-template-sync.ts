import { Injectable } from '@nestjs/common';
import { AppError } from '@soko/common';
import { Tenancy } from '@soko/database';
import { ChannelService } from '@soko/messaging';
import { type CounterpartChange, CounterpartService, type CounterpartOf, type MetaTemplate } from '@soko/templates';
import { TransportError } from '../transport.js';
import { CloudClient } from './cloud.client.js';

/** Meta allows 6,000 templates in an account at most. */
const MOST_PAGES = 100;

/** An account at Meta, and a channel whose token may read it. */
interface Account {
  channelId: string;
  wabaId: string;
}

export interface FailedAccount {
  channelId: string;
  wabaId: string;
  code: string;
  message: string;
}

export interface TemplateSync {
  checked: number;
  changed: CounterpartChange[];
  missing: CounterpartOf[];
  failed: FailedAccount[];
}

export class NoBusinessAccountError extends AppError {
  constructor() {
    super(
      409,
      'no_business_account',
      'No cloud channel says which account its templates are in: PATCH /api/channels/:id with wabaId in config, next to its phoneNumberId.',
    );
  }
}

/** Asks Meta how the counterparts of the merchant's templates stand. */
@Injectable()
export class CloudTemplateSync {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly channels: ChannelService,
    private readonly counterparts: CounterpartService,
    private readonly client: CloudClient,
  ) {}

  /** No transaction is open while Meta is asked. An account that could not be read is told, and leaves its templates as they are. @throws NoBusinessAccountError */
  async run(merchantId: string): Promise<TemplateSync> {
    const accounts = await this.accounts(merchantId);
    if (accounts.length === 0) throw new NoBusinessAccountError();
    const askedAt = await this.now(merchantId);
    const all: MetaTemplate[] = [];
    const failed: FailedAccount[] = [];
    for (const account of accounts) {
      try {
        all.push(...(await this.read(merchantId, account)));
      } catch (error) {
        if (!(error instanceof TransportError)) throw error;
        failed.push({ ...account, code: error.code, message: error.message });
      }
    }
    const noted = await this.counterparts.noteAll(merchantId, all, { isWhole: failed.length === 0, askedAt });
    return { ...noted, failed };
  }

  /** Each once, by the first of its channels. */
  private async accounts(merchantId: string): Promise<Account[]> {
    const rows = await this.tenancy.run(merchantId, (tx) =>
      tx.query<Account>(
        `SELECT DISTINCT ON (config ->> 'wabaId') id AS "channelId", config ->> 'wabaId' AS "wabaId" FROM channels
         WHERE merchant_id = $1 AND kind = 'cloud' AND deleted_at IS NULL AND config ? 'wabaId' ORDER BY config ->> 'wabaId', id`,
        [merchantId],
      ),
    );
    return rows;
  }

  private async read(merchantId: string, { channelId, wabaId }: Account): Promise<MetaTemplate[]> {
    const { accessToken } = await this.channels.secrets(merchantId, channelId);
    const all: MetaTemplate[] = [];
    let after: string | undefined;
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const { templates, next } = await this.client.templates({ accessToken }, wabaId, after);
      all.push(...templates);
      if (!next) break;
      after = next;
    }
    return all;
  }

  /** By the clock that notes are dated with. */
  private async now(merchantId: string): Promise<Date> {
    const [row] = await this.tenancy.run(merchantId, (tx) => tx.query<{ now: Date }>('SELECT clock_timestamp() AS now'));
    return row!.now;
  }
}
