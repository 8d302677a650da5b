import { Injectable } from '@nestjs/common';
import { newId, NotFoundError, type Page, type PageQuery } from '@soko/common';
import { productUpdated } from '@soko/contracts';
import { findPage, isCheckViolation, isUniqueViolation, Tenancy, type TenantTx } from '@soko/database';
import { MerchantService } from '@soko/identity';
import type { CreateProductBody, ProductView, UpdateProductBody } from './catalog.dto.js';
import { CurrencyMismatchError, SkuTakenError, StockReservedError } from './catalog.errors.js';
import { Product } from './product.entity.js';

/** The most products that a conversation offers. */
const OFFERED = 200;

@Injectable()
export class ProductService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly merchants: MerchantService,
  ) {}

  /** @throws SkuTakenError, CurrencyMismatchError */
  async create(merchantId: string, body: CreateProductBody): Promise<ProductView> {
    const row = {
      merchantId,
      id: newId(),
      sku: body.sku,
      name: body.name,
      description: body.description ?? null,
      category: body.category ?? null,
      priceAmount: body.price.amount,
      currency: body.price.currency,
      onHand: body.stock,
      lowStockAt: body.lowStockAt ?? null,
      active: body.active ?? true,
    };
    return this.write(body.sku, () =>
      this.tenancy.run(merchantId, async (tx) => {
        await this.checkCurrency(tx, row.currency);
        await tx.manager.insert(Product, row);
        const product = { ...row, reserved: 0 };
        this.emit(tx, product, { ...body });
        return view(product);
      }),
    );
  }

  /** @throws NotFoundError, SkuTakenError, CurrencyMismatchError, StockReservedError */
  async update(merchantId: string, id: string, body: UpdateProductBody): Promise<ProductView> {
    const { price, stock, ...rest } = body;
    const changes = {
      ...rest,
      ...(price ? { priceAmount: price.amount, currency: price.currency } : {}),
      ...(stock === undefined ? {} : { onHand: stock }),
    };
    return this.write(body.sku ?? '', () =>
      this.tenancy.run(merchantId, async (tx) => {
        if (price) await this.checkCurrency(tx, price.currency);
        if (Object.keys(changes).length > 0) await tx.manager.update(Product, { merchantId, id }, changes);
        const product = await tx.manager.findOneBy(Product, { merchantId, id });
        if (!product) throw new NotFoundError('product', id);
        this.emit(tx, product, { ...body });
        return view(product);
      }),
    );
  }

  async get(merchantId: string, id: string): Promise<ProductView> {
    const product = await this.tenancy.run(merchantId, (tx) => tx.manager.findOneBy(Product, { merchantId, id }));
    if (!product) throw new NotFoundError('product', id);
    return view(product);
  }

  async list(merchantId: string, query: PageQuery): Promise<Page<ProductView>> {
    return this.tenancy.run(merchantId, (tx) => findPage(tx, Product, query, view));
  }

  /** What customers may buy now, by name. */
  async offered(tx: TenantTx): Promise<ProductView[]> {
    const rows = await tx.manager.find(Product, {
      where: { merchantId: tx.merchantId, active: true },
      order: { name: 'ASC', id: 'ASC' },
      take: OFFERED,
    });
    return rows.map(view).filter((product) => product.available > 0);
  }

  private async checkCurrency(tx: TenantTx, currency: string): Promise<void> {
    const merchant = await this.merchants.get(tx);
    if (merchant.currency !== currency) throw new CurrencyMismatchError(merchant.currency);
  }

  private emit(tx: TenantTx, product: Product, changes: Record<string, unknown>): void {
    const { id, sku, name, price, available } = view(product);
    tx.outbox.emit(productUpdated, { productId: id, sku, name, price, available, changes });
  }

  private async write(sku: string, work: () => Promise<ProductView>): Promise<ProductView> {
    try {
      return await work();
    } catch (error) {
      if (isUniqueViolation(error, 'products_merchant_id_sku_key')) throw new SkuTakenError(sku);
      if (isCheckViolation(error, 'products_never_oversold')) throw new StockReservedError();
      throw error;
    }
  }
}

function view(product: Product): ProductView {
  return {
    id: product.id,
    sku: product.sku,
    name: product.name,
    ...(product.description ? { description: product.description } : {}),
    price: { amount: product.priceAmount, currency: product.currency },
    ...(product.category ? { category: product.category } : {}),
    stock: product.onHand,
    available: product.onHand - product.reserved,
    ...(product.lowStockAt === null ? {} : { lowStockAt: product.lowStockAt }),
    active: product.active,
  };
}
