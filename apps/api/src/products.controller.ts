import { Body, Controller, Get, Patch, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { CreateProductBody, ProductService, ProductView, UpdateProductBody } from '@soko/catalog';
import { type Page, PageQuery } from '@soko/common';
import { type Caller, Me, Requires } from '@soko/identity';
import { Id } from './input.pipe.js';

@ApiTags('Catalogue')
@ApiBearerAuth()
@Controller('api/products')
export class ProductsController {
  constructor(private readonly products: ProductService) {}

  @Get()
  @Requires('catalog:read')
  list(@Me() { merchantId }: Caller, @Query() query: PageQuery): Promise<Page<ProductView>> {
    return this.products.list(merchantId, query);
  }

  @Post()
  @Requires('catalog:write')
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
  update(@Me() { merchantId }: Caller, @Id() id: string, @Body() body: UpdateProductBody): Promise<ProductView> {
    return this.products.update(merchantId, id, body);
  }
}
