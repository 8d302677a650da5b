import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('webhooks')
export class Webhook {
  @PrimaryColumn('uuid', { name: 'merchant_id' }) merchantId!: string;
  @PrimaryColumn('uuid') id!: string;
  @Column('text') url!: string;
  @Column('text', { array: true }) events!: string[];
  @Column('text', { nullable: true }) description!: string | null;
  /** Sealed: JSON of the merchant's own headers. */
  @Column('text', { nullable: true }) headers!: string | null;
  /** Sealed. */
  @Column('text') secret!: string;
  @Column('boolean') active!: boolean;
  @Column({ type: 'timestamptz', name: 'created_at', insert: false, update: false }) createdAt!: Date;
}
