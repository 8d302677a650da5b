import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('products')
export class Product {
  @PrimaryColumn('uuid', { name: 'merchant_id' }) merchantId!: string;
  @PrimaryColumn('uuid') id!: string;
  @Column('text') sku!: string;
  @Column('text') name!: string;
  @Column('text', { nullable: true }) description!: string | null;
  @Column('text', { nullable: true }) category!: string | null;
  @Column('bigint', { name: 'price_amount' }) priceAmount!: number;
  @Column('text') currency!: string;
  /** Set with the row; `StockService` moves it afterwards. */
  @Column({ type: 'bigint', name: 'on_hand', update: false }) onHand!: number;
  @Column({ type: 'bigint', insert: false, update: false }) reserved!: number;
  @Column('bigint', { name: 'low_stock_at', nullable: true }) lowStockAt!: number | null;
  @Column('boolean') active!: boolean;
}
