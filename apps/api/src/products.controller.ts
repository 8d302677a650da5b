import { Body, Controller, Get, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CreateProductBody, ProductService, ProductView, UpdateProductBody } from '@soko/catalog';
import { type Page, PageQuery } from '@soko/common';
import { type Caller, Me, Requires } from '@soko/identity';
import { Id } from './input.pipe.js';
import { Fails, Paged } from './openapi/decorators.js';
import { CurrencyMismatchError, SkuTakenError, StockReservedError } from '@soko/catalog';

@ApiTags('Catalogue')
@Controller('api/products')
export class ProductsController {
  constructor(private readonly products: ProductService) {}

  @Get()
  @Requires('catalog:read')
  @Paged(ProductView)
  list(@Me() { merchantId }: Caller, @Query() query: PageQuery): Promise<Page<ProductView>> {
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
}
