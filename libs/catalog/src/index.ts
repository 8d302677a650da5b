export {
  AddProductMediaBody,
  AdjustStockBody,
  CreateProductBody,
  ImportQuery,
  ImportReportView,
  ProductMediaView,
  ProductQuery,
  ProductView,
  RemoveProductMediaQuery,
  StockMovementView,
  UpdateProductBody,
} from './catalog.dto.js';
export {
  CsvUnreadableError,
  CurrencyMismatchError,
  NotAPictureError,
  SkuTakenError,
  StockReservedError,
  StockTooLargeError,
  TooManyPicturesError,
} from './catalog.errors.js';
export { CatalogModule } from './catalog.module.js';
export { MAX_PICTURES, ProductMediaService } from './product-media.service.js';
export { MOST_LINES, ProductCsvService } from './product-csv.service.js';
export { type OfferedView, ProductService } from './product.service.js';
export { type Shortage, type StockLine, StockService } from './stock.service.js';
