import { Module } from '@nestjs/common';
import { MediaModule } from '@soko/media';
import { ProductMediaService } from './product-media.service.js';
import { ProductService } from './product.service.js';
import { StockService } from './stock.service.js';

@Module({
  imports: [MediaModule],
  providers: [ProductService, ProductMediaService, StockService],
  exports: [ProductService, ProductMediaService, StockService],
})
export class CatalogModule {}
