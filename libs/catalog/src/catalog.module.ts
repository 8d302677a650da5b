import { Module } from '@nestjs/common';
import { ProductService } from './product.service.js';
import { StockService } from './stock.service.js';

@Module({ providers: [ProductService, StockService], exports: [ProductService, StockService] })
export class CatalogModule {}
