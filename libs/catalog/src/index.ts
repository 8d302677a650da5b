export {
  AddProductMediaBody,
  CreateProductBody,
  ProductMediaView,
  ProductView,
  RemoveProductMediaQuery,
  UpdateProductBody,
} from './catalog.dto.js';
export {
  CurrencyMismatchError,
  NotAPictureError,
  SkuTakenError,
  StockReservedError,
  TooManyPicturesError,
} from './catalog.errors.js';
export { CatalogModule } from './catalog.module.js';
export { MAX_PICTURES, ProductMediaService } from './product-media.service.js';
export { type OfferedView, ProductService } from './product.service.js';
export { type Shortage, type StockLine, StockService } from './stock.service.js';
