import { IsBoolean, IsInt, IsOptional, IsString, Length, Max, Min } from 'class-validator';
import { type Money, MoneyInput, Nested } from '@soko/common';

const MAX_STOCK = 1_000_000_000;

export class CreateProductBody {
  /** The merchant's own code. @example MAIZE-10 */
  @IsString() @Length(1, 64) sku!: string;
  /** @example Maize meal 10 kg */
  @IsString() @Length(1, 200) name!: string;
  @IsOptional() @IsString() @Length(0, 2000) description?: string;
  @Nested(() => MoneyInput) price!: MoneyInput;
  /** @example Groceries */
  @IsOptional() @IsString() @Length(1, 100) category?: string;
  /** Units on hand. @example 25 */
  @IsInt() @Min(0) @Max(MAX_STOCK) stock!: number;
  /** Warn at so many units or fewer. */
  @IsOptional() @IsInt() @Min(0) @Max(MAX_STOCK) lowStockAt?: number;
  /** Whether customers see it; true when missing. */
  @IsOptional() @IsBoolean() active?: boolean;
}

export class UpdateProductBody {
  @IsOptional() @IsString() @Length(1, 64) sku?: string;
  @IsOptional() @IsString() @Length(1, 200) name?: string;
  @IsOptional() @IsString() @Length(0, 2000) description?: string;
  @IsOptional() @Nested(() => MoneyInput) price?: MoneyInput;
  @IsOptional() @IsString() @Length(1, 100) category?: string;
  @IsOptional() @IsInt() @Min(0) @Max(MAX_STOCK) stock?: number;
  @IsOptional() @IsInt() @Min(0) @Max(MAX_STOCK) lowStockAt?: number;
  @IsOptional() @IsBoolean() active?: boolean;
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
