import { AppError, ValidationError } from '@soko/common';

export class SkuTakenError extends AppError {
  constructor(sku: string) {
    super(409, 'sku_taken', `Another product has the SKU ${sku}; use its id to change it, or choose another SKU.`);
  }
}
export class StockReservedError extends AppError {
  constructor() {
    super(
      409,
      'stock_reserved',
      'That would leave fewer units than open orders have reserved, or fewer than none; take fewer away, or cancel orders first.',
    );
  }
}
export class StockTooLargeError extends ValidationError {
  constructor(most: number) {
    super([{ path: 'delta', code: 'stock', message: `a product has at most ${most} units on hand; add fewer` }]);
  }
}
export class CsvUnreadableError extends AppError {
  constructor(reason: string) {
    super(422, 'csv_unreadable', `The file cannot be read: ${reason}.`);
  }
}
export class CurrencyMismatchError extends ValidationError {
  constructor(currency: string) {
    super([{ path: 'price.currency', code: 'currency', message: `prices of this merchant are in ${currency}` }]);
  }
}
export class NotAPictureError extends ValidationError {
  constructor(mediaId: string) {
    super([
      {
        path: 'mediaId',
        code: 'media',
        message: `the file ${mediaId} is no picture that can be shown; upload a JPEG, PNG or WebP`,
      },
    ]);
  }
}
export class TooManyPicturesError extends AppError {
  constructor(limit: number) {
    super(409, 'too_many_pictures', `A product has at most ${limit} pictures; take one away first.`);
  }
}
