import { Injectable } from '@nestjs/common';
import { decodeCursor, NotFoundError, type Page, pageOf, ValidationError } from '@soko/common';
import { Settings } from '@soko/config';
import { SystemDb, Tenancy, type TenantTx } from '@soko/database';
import { Not } from 'typeorm';
import { type Plan, PLATFORM_ID } from './roles.js';
import type { MerchantView } from './identity.dto.js';
import { Merchant } from './identity.entity.js';
import type { AdminMerchantQuery, MerchantProfileView, OpeningHours, UpdateMerchantBody } from './merchant.dto.js';
import { planLimits } from './plan-limits.js';

/** A merchant as its own conversations see it. */
export type ShopView = Omit<MerchantProfileView, 'plan' | 'limits' | 'createdAt' | 'inboundSecret'>;

@Injectable()
export class MerchantService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly system: SystemDb,
    private readonly settings: Settings,
  ) {}

  /** The merchant of the transaction. */
  async get(tx: TenantTx): Promise<MerchantView> {
    const { id, name, currency, timezone, locale } = await tx.manager.findOneByOrFail(Merchant, { id: tx.merchantId });
    return { id, name, currency, timezone, locale };
  }

  /** What conversations need to know about the merchant of the transaction. */
  async shop(tx: TenantTx): Promise<ShopView> {
    return shopView(await tx.manager.findOneByOrFail(Merchant, { id: tx.merchantId }));
  }

  async profile(merchantId: string): Promise<MerchantProfileView> {
    const row = await this.tenancy.run(merchantId, (tx) => tx.manager.findOneByOrFail(Merchant, { id: merchantId }));
    return this.view(row);
  }

  /**
   * `at` is a merchant's id, or the transaction that is open already.
   * @throws ValidationError for opening hours that end before they begin
   */
  async update(at: string | TenantTx, body: UpdateMerchantBody): Promise<MerchantProfileView> {
    if (body.openingHours) checkHours(body.openingHours);
    const row = await this.tenancy.within(at, async ({ manager, merchantId }) => {
      if (Object.keys(body).length > 0) await manager.update(Merchant, { id: merchantId }, { ...body });
      return manager.findOneByOrFail(Merchant, { id: merchantId });
    });
    return this.view(row);
  }

  /** Every merchant but the platform, in the order of their making: for ops. */
  async list(query: AdminMerchantQuery): Promise<Page<MerchantProfileView>> {
    const after = decodeCursor(query.cursor, 'id')?.[0];
    const rows = await this.system.run(async ({ manager }) => {
      const found = manager
        .createQueryBuilder(Merchant, 'm')
        .where({ id: Not(PLATFORM_ID) })
        .orderBy('m.id')
        .take(query.limit + 1);
      if (query.q) found.andWhere('strpos(lower(m.name), lower(:q)) > 0', { q: query.q });
      if (after) found.andWhere('m.id > :after', { after });
      return found.getMany();
    });
    return pageOf(
      rows,
      query.limit,
      (row) => this.view(row),
      (row) => [row.id],
    );
  }

  /** For ops; it counts from the merchant's next call on. @throws NotFoundError */
  async setPlan(id: string, plan: Plan): Promise<MerchantProfileView> {
    if (id === PLATFORM_ID) throw new NotFoundError('merchant', id);
    const row = await this.system.run(async ({ manager }) => {
      await manager.update(Merchant, { id }, { plan });
      return manager.findOneBy(Merchant, { id });
    });
    if (!row) throw new NotFoundError('merchant', id);
    return this.view(row);
  }

  private view(row: Merchant): MerchantProfileView {
    return {
      ...shopView(row),
      plan: row.plan,
      limits: planLimits(this.settings, row.plan),
      createdAt: row.createdAt.toISOString(),
    };
  }
}

const shopView = (row: Merchant): ShopView => ({
  id: row.id,
  name: row.name,
  currency: row.currency,
  timezone: row.timezone,
  locale: row.locale,
  ...(row.openingHours ? { openingHours: row.openingHours } : {}),
  ...(row.cartReminderHours ? { cartReminderHours: row.cartReminderHours } : {}),
  ...(row.handoverMinutes ? { handoverMinutes: row.handoverMinutes } : {}),
  ...(row.botPaused ? { botPaused: true } : {}),
});

function checkHours(hours: OpeningHours): void {
  const faults = Object.entries(hours).flatMap(([day, spans]: [string, OpeningHours['monday']]) =>
    (spans ?? []).flatMap(({ from, to }, index) => (from < to ? [] : [`openingHours.${day}.${index}`])),
  );
  if (faults.length > 0)
    throw new ValidationError(faults.map((path) => ({ path, code: 'order', message: 'from must be before to' })));
}
