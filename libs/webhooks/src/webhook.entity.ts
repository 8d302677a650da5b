import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('webhooks')
export class Webhook {
  @PrimaryColumn('uuid', { name: 'merchant_id' }) merchantId!: string;
  @PrimaryColumn('uuid') id!: string;
  @Column('text') url!: string;
  @Column('text', { array: true }) events!: string[];
  @Column('text', { nullable: true }) description!: string | null;
  @Column('jsonb') headers!: Record<string, string>;
  @Column('text') secret!: string;
  @Column('boolean') active!: boolean;
  @Column({ type: 'timestamptz', name: 'created_at', insert: false, update: false }) createdAt!: Date;
}
