import { Injectable } from '@nestjs/common';
import { decodeCursor, newId, NotFoundError, type Page, pageOf } from '@soko/common';
import { productUpdated } from '@soko/contracts';
import { isUniqueViolation, Tenancy, type TenantTx } from '@soko/database';
import { MerchantService } from '@soko/identity';
import { MediaService } from '@soko/media';
import type { CreateProductBody, ProductQuery, ProductView, UpdateProductBody } from './catalog.dto.js';
import { CurrencyMismatchError, SkuTakenError } from './catalog.errors.js';
import { Product } from './product.entity.js';
import { StockService } from './stock.service.js';

/** The most products that a conversation offers, or shows to the merchant's people. */
const OFFERED = 200;

export const SELECT = `SELECT merchant_id AS "merchantId", id, sku, name, description, category, price_amount AS "priceAmount", currency,
  on_hand AS "onHand", reserved, low_stock_at AS "lowStockAt", active FROM products WHERE merchant_id = $1 AND deleted_at IS NULL`;
/** After an id, of a category, active or not, by words: each may be null. */
export const LIST = `${SELECT} AND ($2::uuid IS NULL OR id > $2) AND ($3::text IS NULL OR category = $3) AND ($4::bool IS NULL OR active = $4)
  AND ($5::text IS NULL OR lower(sku) = lower($5) OR strpos(lower(name), lower($5)) > 0) ORDER BY id LIMIT $6`;

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
    private readonly stock: StockService,
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
        tellUpdated(tx, product, { ...body });
        return productView(product);
      }),
    );
  }

  /** @throws NotFoundError, SkuTakenError, CurrencyMismatchError, StockReservedError */
  async update(merchantId: string, id: string, body: UpdateProductBody): Promise<ProductView> {
    const { price, stock, ...rest } = body;
    const changes = {
      ...rest,
      ...(price ? { priceAmount: price.amount, currency: price.currency } : {}),
    };
    return this.write(body.sku ?? '', () =>
      this.tenancy.run(merchantId, async (tx) => {
        if (price) await this.checkCurrency(tx, price.currency);
        await this.find(tx, id);
        if (Object.keys(changes).length > 0) await tx.manager.update(Product, { merchantId, id }, changes);
        if (stock !== undefined) await this.stock.count(tx, id, stock);
        const product = await this.find(tx, id);
        tellUpdated(tx, product, { ...body });
        return productView(product);
      }),
    );
  }

  async get(merchantId: string, id: string): Promise<ProductView> {
    const product = await this.tenancy.run(merchantId, (tx) => this.find(tx, id));
    const [shown] = await this.withPictures(merchantId, [productView(product)]);
    return shown!;
  }

  /** In the order in which they were made. */
  async list(merchantId: string, { limit, cursor, category, active, q }: ProductQuery): Promise<Page<ProductView>> {
    const after = decodeCursor(cursor, 'id')?.[0] ?? null;
    const rows = await this.tenancy.run(merchantId, (tx) =>
      tx.query<Product>(LIST, [tx.merchantId, after, category ?? null, active ?? null, q ?? null, limit + 1]),
    );
    const page = pageOf(rows, limit, productView, ({ id }) => [id]);
    return { ...page, data: await this.withPictures(merchantId, page.data) };
  }

  /** Its orders and its ledger stay; its SKU is free again, and so are its pictures. @throws NotFoundError */
  async remove(merchantId: string, id: string): Promise<void> {
    await this.tenancy.run(merchantId, async (tx) => {
      const product = await this.find(tx, id);
      await tx.query('DELETE FROM product_media WHERE merchant_id = $1 AND product_id = $2', [merchantId, id]);
      await tx.query(
        'UPDATE products SET active = false, deleted_at = now(), updated_at = now() WHERE merchant_id = $1 AND id = $2',
        [merchantId, id],
      );
      tellUpdated(tx, product, { deleted: true });
    });
  }

  /** What customers may buy now, by name. */
  async offered(tx: TenantTx): Promise<OfferedView[]> {
    const rows = await tx.manager.find(Product, {
      where: { merchantId: tx.merchantId, active: true },
      order: { name: 'ASC', id: 'ASC' },
      take: OFFERED,
    });
    const products = rows.map(productView).filter((product) => product.available > 0);
    const pictures = await firstPictures(tx, products, 'ready');
    return products.map((product) => ({ ...product, pictureId: pictures.get(product.id) }));
  }

  /** What the shop has, sold at the moment or not: first what some words name, then what runs out first. */
  async stocked(tx: TenantTx, words = ''): Promise<ProductView[]> {
    const rows = await tx.query<Product>(
      `${SELECT} ORDER BY $2::text <> '' AND (lower(sku) = lower($2) OR strpos(lower(name), lower($2)) > 0) DESC, on_hand - reserved, name, id LIMIT ${OFFERED}`,
      [tx.merchantId, words],
    );
    return rows.map(productView);
  }

  /** Tells that something about a product changed that does not stand in its own row. @throws NotFoundError */
  async tell(tx: TenantTx, id: string, changes: Record<string, unknown>): Promise<void> {
    tellUpdated(tx, await this.find(tx, id), changes);
  }

  /** @throws NotFoundError */
  async idOf(tx: TenantTx, sku: string): Promise<string> {
    const [product] = await tx.query<Product>(`${SELECT} AND sku = $2`, [tx.merchantId, sku]);
    if (!product) throw new NotFoundError('product', sku);
    return product.id;
  }

  /** @throws NotFoundError */
  async find(tx: TenantTx, id: string): Promise<Product> {
    const [product] = await tx.query<Product>(`${SELECT} AND id = $2`, [tx.merchantId, id]);
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

  private async write(sku: string, work: () => Promise<ProductView>): Promise<ProductView> {
    try {
      return await work();
    } catch (error) {
      if (isUniqueViolation(error, 'products_sku')) throw new SkuTakenError(sku);
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

/** Says what changed; of the rest how it is now. */
export function tellUpdated(tx: TenantTx, product: Product, changes: Record<string, unknown>): void {
  const { id, sku, name, price, available } = productView(product);
  tx.outbox.emit(productUpdated, { productId: id, sku, name, price, available, changes });
}

export function productView(product: Product): ProductView {
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
