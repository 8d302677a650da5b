import { Injectable } from '@nestjs/common';
import { newId, NotFoundError, type Page, type PageQuery } from '@soko/common';
import { productUpdated } from '@soko/contracts';
import { findPage, isCheckViolation, isUniqueViolation, Tenancy, type TenantTx } from '@soko/database';
import { MerchantService } from '@soko/identity';
import { MediaService } from '@soko/media';
import type { CreateProductBody, ProductView, UpdateProductBody } from './catalog.dto.js';
import { CurrencyMismatchError, SkuTakenError, StockReservedError } from './catalog.errors.js';
import { Product } from './product.entity.js';

/** The most products that a conversation offers. */
const OFFERED = 200;

/** A product as a conversation offers it. */
export interface OfferedView extends ProductView {
  /** Of the picture that is sent with it. */
  pictureId?: string;
}

@Injectable()
export class ProductService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly merchants: MerchantService,
    private readonly media: MediaService,
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
        const product = await this.find(tx, id);
        this.emit(tx, product, { ...body });
        return view(product);
      }),
    );
  }

  async get(merchantId: string, id: string): Promise<ProductView> {
    const product = await this.tenancy.run(merchantId, (tx) => this.find(tx, id));
    const [shown] = await this.withPictures(merchantId, [view(product)]);
    return shown!;
  }

  async list(merchantId: string, query: PageQuery): Promise<Page<ProductView>> {
    const page = await this.tenancy.run(merchantId, (tx) => findPage(tx, Product, query, view));
    return { ...page, data: await this.withPictures(merchantId, page.data) };
  }

  /** What customers may buy now, by name. */
  async offered(tx: TenantTx): Promise<OfferedView[]> {
    const rows = await tx.manager.find(Product, {
      where: { merchantId: tx.merchantId, active: true },
      order: { name: 'ASC', id: 'ASC' },
      take: OFFERED,
    });
    const products = rows.map(view).filter((product) => product.available > 0);
    const pictures = await firstPictures(tx, products, 'ready');
    return products.map((product) => ({ ...product, pictureId: pictures.get(product.id) }));
  }

  /** Tells that something about a product changed that does not stand in its own row. @throws NotFoundError */
  async tell(tx: TenantTx, id: string, changes: Record<string, unknown>): Promise<void> {
    this.emit(tx, await this.find(tx, id), changes);
  }

  /** @throws NotFoundError */
  async find(tx: TenantTx, id: string): Promise<Product> {
    const product = await tx.manager.findOneBy(Product, { merchantId: tx.merchantId, id });
    if (!product) throw new NotFoundError('product', id);
    return product;
  }

  private async withPictures(merchantId: string, products: ProductView[]): Promise<ProductView[]> {
    const first = await this.tenancy.run(merchantId, (tx) => firstPictures(tx, products));
    const files = await this.media.getMany(merchantId, [...first.values()]);
    return products.map((product) => {
      const file = files.get(first.get(product.id) ?? '');
      if (!file) return product;
      const { id: mediaId, url, thumbnailUrl } = file;
      return { ...product, picture: { mediaId, url, ...(thumbnailUrl ? { thumbnailUrl } : {}) } };
    });
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

/** The first picture of each product that has one. @returns ids of files by ids of products */
async function firstPictures(tx: TenantTx, products: ProductView[], status?: string): Promise<Map<string, string>> {
  if (products.length === 0) return new Map();
  const rows = await tx.query<{ product_id: string; media_id: string }>(
    `SELECT DISTINCT ON (p.product_id) p.product_id, p.media_id FROM product_media p
     JOIN media_files f ON f.merchant_id = p.merchant_id AND f.id = p.media_id
     JOIN media_blobs b ON b.merchant_id = f.merchant_id AND b.id = f.blob_id AND b.status = coalesce($3, b.status)
     WHERE p.merchant_id = $1 AND p.product_id = ANY ($2::uuid[]) ORDER BY p.product_id, p.position`,
    [tx.merchantId, products.map(({ id }) => id), status ?? null],
  );
  return new Map(rows.map((row) => [row.product_id, row.media_id]));
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
