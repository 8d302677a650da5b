import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import {
  AddProductMediaBody,
  AdjustStockBody,
  CreateProductBody,
  CurrencyMismatchError,
  MAX_PICTURES,
  NotAPictureError,
  ProductMediaService,
  ProductMediaView,
  ProductQuery,
  ProductService,
  ProductView,
  RemoveProductMediaQuery,
  SkuTakenError,
  StockMovementView,
  StockReservedError,
  StockService,
  StockTooLargeError,
  TooManyPicturesError,
  UpdateProductBody,
} from '@soko/catalog';
import { type Page, PageQuery } from '@soko/common';
import { type Caller, Me, Requires } from '@soko/identity';
import { Id } from './input.pipe.js';
import { SAMPLE_ID } from './openapi/examples.js';
import { Fails, Paged } from './openapi/decorators.js';

@ApiTags('Catalogue')
@Controller('api/products')
export class ProductsController {
  constructor(
    private readonly products: ProductService,
    private readonly gallery: ProductMediaService,
    private readonly stock: StockService,
  ) {}

  @Get()
  @Requires('catalog:read')
  @Paged(ProductView)
  list(@Me() { merchantId }: Caller, @Query() query: ProductQuery): Promise<Page<ProductView>> {
    return this.products.list(merchantId, query);
  }

  @Post()
  @Requires('catalog:write')
  @Fails(new SkuTakenError('MAIZE-10'), new CurrencyMismatchError('USD'))
  create(@Me() { merchantId }: Caller, @Body() body: CreateProductBody): Promise<ProductView> {
    return this.products.create(merchantId, body);
  }

  @Get(':id')
  @Requires('catalog:read')
  get(@Me() { merchantId }: Caller, @Id() id: string): Promise<ProductView> {
    return this.products.get(merchantId, id);
  }

  @Patch(':id')
  @Requires('catalog:write')
  @Fails(new SkuTakenError('MAIZE-10'), new StockReservedError(), new CurrencyMismatchError('USD'))
  update(@Me() { merchantId }: Caller, @Id() id: string, @Body() body: UpdateProductBody): Promise<ProductView> {
    return this.products.update(merchantId, id, body);
  }

  /** Orders that have it stay as they are, and its SKU may be used again. */
  @Delete(':id')
  @Requires('catalog:write')
  @HttpCode(204)
  remove(@Me() { merchantId }: Caller, @Id() id: string): Promise<void> {
    return this.products.remove(merchantId, id);
  }

  /** The ledger: every movement of the product’s stock, newest first. */
  @Get(':id/stock')
  @Requires('catalog:read')
  @Paged(StockMovementView)
  ledger(@Me() { merchantId }: Caller, @Id() id: string, @Query() query: PageQuery): Promise<Page<StockMovementView>> {
    return this.stock.ledger(merchantId, id, query);
  }

  /** Units come in, or get lost. */
  @Post(':id/stock')
  @Requires('catalog:write')
  @Fails(new StockReservedError(), new StockTooLargeError(1_000_000_000))
  adjust(@Me() { merchantId }: Caller, @Id() id: string, @Body() body: AdjustStockBody): Promise<StockMovementView> {
    return this.stock.adjust(merchantId, id, body);
  }

  /** The product’s pictures, in their order; there are ten at most. */
  @Get(':id/media')
  @Requires('catalog:read')
  @Paged(ProductMediaView)
  async pictures(@Me() { merchantId }: Caller, @Id() id: string): Promise<Page<ProductMediaView>> {
    return onePage(await this.gallery.list(merchantId, id));
  }

  /** Adds an uploaded picture, or moves one that is there already. The first one is what customers see. */
  @Post(':id/media')
  @Requires('catalog:write')
  @Paged(ProductMediaView)
  @Fails(new NotAPictureError(SAMPLE_ID), new TooManyPicturesError(MAX_PICTURES))
  async addPicture(
    @Me() { merchantId }: Caller,
    @Id() id: string,
    @Body() body: AddProductMediaBody,
  ): Promise<Page<ProductMediaView>> {
    return onePage(await this.gallery.put(merchantId, id, body));
  }

  /** Takes pictures away from the product; the files stay among the media. */
  @Delete(':id/media')
  @Requires('catalog:write')
  @HttpCode(204)
  removePictures(@Me() { merchantId }: Caller, @Id() id: string, @Query() { mediaId }: RemoveProductMediaQuery): Promise<void> {
    return this.gallery.remove(merchantId, id, mediaId);
  }

  @Delete(':id/media/:mediaId')
  @Requires('catalog:write')
  @HttpCode(204)
  removePicture(@Me() { merchantId }: Caller, @Id() id: string, @Id('mediaId') mediaId: string): Promise<void> {
    return this.gallery.remove(merchantId, id, mediaId);
  }
}

const onePage = (data: ProductMediaView[]): Page<ProductMediaView> => ({
  data,
  pagination: { limit: MAX_PICTURES, hasMore: false },
});
