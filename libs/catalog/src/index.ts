export { CreateProductBody, ProductView, UpdateProductBody } from './catalog.dto.js';
export { CurrencyMismatchError, SkuTakenError, StockReservedError } from './catalog.errors.js';
export { CatalogModule } from './catalog.module.js';
export { ProductService } from './product.service.js';
export { type Shortage, type StockLine, StockService } from './stock.service.js';
