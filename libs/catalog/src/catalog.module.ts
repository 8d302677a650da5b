import { Module } from '@nestjs/common';
import { MediaModule } from '@soko/media';
import { ProductMediaService } from './product-media.service.js';
import { ProductCsvService } from './product-csv.service.js';
import { ProductService } from './product.service.js';
import { StockService } from './stock.service.js';

@Module({
  imports: [MediaModule],
  providers: [ProductService, ProductCsvService, ProductMediaService, StockService],
  exports: [ProductService, ProductCsvService, ProductMediaService, StockService],
})
export class CatalogModule {}
