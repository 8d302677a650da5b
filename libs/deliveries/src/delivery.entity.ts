import { Column, Entity, PrimaryColumn } from 'typeorm';

export type DeliveryStatus = 'pending' | 'assigned' | 'in_transit' | 'delivered' | 'failed';

@Entity('delivery_tasks')
export class DeliveryTask {
  @PrimaryColumn('uuid', { name: 'merchant_id' }) merchantId!: string;
  @PrimaryColumn('uuid') id!: string;
  @Column('uuid', { name: 'order_id' }) orderId!: string;
  @Column('text') status!: DeliveryStatus;
  @Column('jsonb', { nullable: true }) destination!: Destination | null;
  @Column({ type: 'timestamptz', name: 'created_at', insert: false, update: false }) createdAt!: Date;
}

/** Where the goods go. */
export interface Destination {
  address?: string;
  location?: { latitude: number; longitude: number };
}
