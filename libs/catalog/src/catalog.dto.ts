import { IsBoolean, IsInt, IsOptional, IsString, Length, Max, Min } from 'class-validator';
import { type Money, MoneyInput, Nested, Optional } from '@soko/common';

const MAX_STOCK = 1_000_000_000;

export class CreateProductBody {
  /** The merchant's own code. @example MAIZE-10 */
  @IsString() @Length(1, 64) sku!: string;
  /** @example Maize meal 10 kg */
  @IsString() @Length(1, 200) name!: string;
  @Optional() @IsString() @Length(0, 2000) description?: string;
  @Nested(() => MoneyInput) price!: MoneyInput;
  /** @example Groceries */
  @Optional() @IsString() @Length(1, 100) category?: string;
  /** Units on hand. @example 25 */
  @IsInt() @Min(0) @Max(MAX_STOCK) stock!: number;
  /** Warn at so many units or fewer. */
  @Optional() @IsInt() @Min(0) @Max(MAX_STOCK) lowStockAt?: number;
  /** Whether customers see it; true when missing. */
  @Optional() @IsBoolean() active?: boolean;
}

/** Only what is given changes; null empties a field that may be empty. */
export class UpdateProductBody {
  @Optional() @IsString() @Length(1, 64) sku?: string;
  @Optional() @IsString() @Length(1, 200) name?: string;
  @IsOptional() @IsString() @Length(0, 2000) description?: string | null;
  @Optional() @Nested(() => MoneyInput) price?: MoneyInput;
  @IsOptional() @IsString() @Length(1, 100) category?: string | null;
  @Optional() @IsInt() @Min(0) @Max(MAX_STOCK) stock?: number;
  @IsOptional() @IsInt() @Min(0) @Max(MAX_STOCK) lowStockAt?: number | null;
  @Optional() @IsBoolean() active?: boolean;
}

export class ProductView {
  id!: string;
  sku!: string;
  name!: string;
  description?: string;
  price!: Money;
  category?: string;
  /** Units on hand, reserved ones included. */
  stock!: number;
  /** Units that can still be sold. */
  available!: number;
  lowStockAt?: number;
  active!: boolean;
}
