import { IsBoolean, IsIn, IsInt, NotEquals, IsOptional, IsString, IsUUID, Length, Max, Min } from 'class-validator';
import { Money, MoneyInput, Nested, Optional, PageQuery } from '@soko/common';
import { MediaView } from '@soko/media';

export const MAX_STOCK = 1_000_000_000;

export class CreateProductBody {
  /** The merchant's own code. @example MAIZE-10 */
  @IsString() @Length(1, 64) sku!: string;
  /** @example "Maize meal 10 kg" */
  @IsString() @Length(1, 200) name!: string;
  /** @example "White roller meal" */
  @Optional() @IsString() @Length(0, 2000) description?: string;
  @Nested(() => MoneyInput) price!: MoneyInput;
  /** @example Groceries */
  @Optional() @IsString() @Length(1, 100) category?: string;
  /** Units on hand. @example 25 */
  @IsInt() @Min(0) @Max(MAX_STOCK) stock!: number;
  /** Warn at so many units or fewer. @example 5 */
  @Optional() @IsInt() @Min(0) @Max(MAX_STOCK) lowStockAt?: number;
  /** Whether customers see it; true when missing. @example true */
  @Optional() @IsBoolean() active?: boolean;
}

/** Only what is given changes; null empties a field that may be empty. */
export class UpdateProductBody {
  @Optional() @IsString() @Length(1, 64) sku?: string;
  /** @example "Maize meal 10 kg" */
  @Optional() @IsString() @Length(1, 200) name?: string;
  @IsOptional() @IsString() @Length(0, 2000) description?: string | null;
  @Optional() @Nested(() => MoneyInput) price?: MoneyInput;
  @IsOptional() @IsString() @Length(1, 100) category?: string | null;
  /** @example 40 */
  @Optional() @IsInt() @Min(0) @Max(MAX_STOCK) stock?: number;
  @IsOptional() @IsInt() @Min(0) @Max(MAX_STOCK) lowStockAt?: number | null;
  @Optional() @IsBoolean() active?: boolean;
}

export class ProductPicture {
  mediaId!: string;
  /** Valid for an hour. @example "https://soko.example.com/media/…" */
  url!: string;
  /** Once the picture has been processed. @example "https://soko.example.com/media/…" */
  thumbnailUrl?: string;
}

export class ProductView {
  id!: string;
  /** @example MAIZE-10 */
  sku!: string;
  /** @example "Maize meal 10 kg" */
  name!: string;
  /** @example "White roller meal" */
  description?: string;
  price!: Money;
  /** @example Groceries */
  category?: string;
  /** Units on hand, reserved ones included. @example 25 */
  stock!: number;
  /** Units that can still be sold. @example 21 */
  available!: number;
  /** @example 5 */
  lowStockAt?: number;
  /** @example true */
  active!: boolean;
  /** The first of its pictures. */
  picture?: ProductPicture;
}

export class AddProductMediaBody {
  /** An uploaded picture. @example 019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071 */
  @IsUUID() mediaId!: string;
  /** 0 is the first, which customers see; the last when left out. @example 0 */
  @Optional() @IsInt() @Min(0) @Max(9) position?: number;
}

export class RemoveProductMediaQuery {
  /** All of the product's pictures when left out. */
  @Optional() @IsUUID() mediaId?: string;
}

export class ProductMediaView extends MediaView {
  /** @example 0 */
  position!: number;
}

export class ProductQuery extends PageQuery {
  /** @example Groceries */
  @Optional() @IsString() @Length(1, 100) category?: string;
  /** true: what customers see; false: what they do not. @example true */
  @Optional() @IsIn(['true', 'false']) active?: 'true' | 'false';
  /** A part of the name, or the SKU. @example maize */
  @Optional() @IsString() @Length(1, 100) q?: string;
}

/** (A constant: the build of the document understands no arithmetic.) */
const FEWEST = -MAX_STOCK;

export class AdjustStockBody {
  /** Units more, or fewer. @example 12 */
  @IsInt() @Min(FEWEST) @Max(MAX_STOCK) @NotEquals(0) delta!: number;
  /** @example "New delivery" */
  @IsString() @Length(1, 500) reason!: string;
}

export class StockActorView {
  /** user, key, bot or system. @example user */
  type!: string;
  /** @example 01990000-0000-7000-8000-000000000003 */
  id?: string;
}

/** One movement of a product's stock. */
export class StockMovementView {
  id!: string;
  /** adjustment; or reservation, release and sale, which are an order's. @example adjustment */
  kind!: 'adjustment' | 'reservation' | 'release' | 'sale';
  /** Units on hand: so many more, or fewer. @example 12 */
  stockDelta!: number;
  /** @example 0 */
  reservedDelta!: number;
  /** Units on hand after it. @example 25 */
  stock!: number;
  /** Of them reserved. @example 4 */
  reserved!: number;
  orderId?: string;
  /** @example "New delivery" */
  reason?: string;
  actor!: StockActorView;
  createdAt!: string;
}

export class ImportQuery {
  /** true: nothing is written, and the answer tells what would become of it. @example true */
  @Optional() @IsIn(['true', 'false']) dryRun?: 'true' | 'false';
}

export class ImportErrorView {
  /** The column, or the field behind it. @example stock */
  path!: string;
  /** @example csv */
  code!: string;
  /** @example "stock must be a whole number, such as 25" */
  message!: string;
}

export class ImportedLineView {
  /** In the file; the line with the names is 1. @example 2 */
  line!: number;
  /** @example MAIZE-10 */
  sku!: string;
  /** created, updated, unchanged or failed. @example failed */
  outcome!: 'created' | 'updated' | 'unchanged' | 'failed';
  errors?: ImportErrorView[];
}

/** What became of each line. */
export class ImportReportView {
  /** @example 12 */
  created!: number;
  /** @example 3 */
  updated!: number;
  /** @example 0 */
  unchanged!: number;
  /** These are as they were. @example 1 */
  failed!: number;
  lines!: ImportedLineView[];
}
