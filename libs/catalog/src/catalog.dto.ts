import { IsBoolean, IsInt, IsOptional, IsString, IsUUID, Length, Max, Min } from 'class-validator';
import { Money, MoneyInput, Nested, Optional } from '@soko/common';
import { MediaView } from '@soko/media';

const MAX_STOCK = 1_000_000_000;

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
  active!: boolean; /** The first of its pictures. */
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
