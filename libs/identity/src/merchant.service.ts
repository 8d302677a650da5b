import { Injectable } from '@nestjs/common';
import type { TenantTx } from '@soko/database';
import { Merchant } from './identity.entity.js';
import type { MerchantView } from './identity.dto.js';

@Injectable()
export class MerchantService {
  /** The merchant of the transaction. */
  async get(tx: TenantTx): Promise<MerchantView> {
    const { id, name, currency, timezone, locale } = await tx.manager.findOneByOrFail(Merchant, { id: tx.merchantId });
    return { id, name, currency, timezone, locale };
  }
}
