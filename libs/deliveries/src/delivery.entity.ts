import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { DeliveryStatus } from './delivery-state.js';

/** What shows that the customer has the goods; `none` when somebody said so by hand. */
export type DeliveryProof = 'code' | 'photo' | 'none';

@Entity('delivery_tasks')
export class DeliveryTask {
  @PrimaryColumn('uuid', { name: 'merchant_id' }) merchantId!: string;
  @PrimaryColumn('uuid') id!: string;
  @Column('uuid', { name: 'order_id' }) orderId!: string;
  @Column('text') status!: DeliveryStatus;
  @Column('jsonb', { nullable: true }) destination!: Destination | null;
  @Column('uuid', { name: 'driver_id', nullable: true }) driverId!: string | null;
  @Column('text', { name: 'driver_name', nullable: true }) driverName!: string | null;
  @Column('int') attempt!: number;
  @Column('text', { nullable: true }) reason!: string | null;
  @Column('text', { nullable: true }) code!: string | null;
  @Column('int', { name: 'wrong_codes' }) wrongCodes!: number;
  @Column('timestamptz', { name: 'code_locked_until', nullable: true }) codeLockedUntil!: Date | null;
  @Column('bytea', { name: 'tracking_hash', nullable: true }) trackingHash!: Buffer | null;
  @Column('text', { name: 'tracking_token', nullable: true }) trackingToken!: string | null;
  @Column('text', { nullable: true }) proof!: DeliveryProof | null;
  @Column('uuid', { name: 'photo_id', nullable: true }) photoId!: string | null;
  @Column('float8', { nullable: true }) latitude!: number | null;
  @Column('float8', { nullable: true }) longitude!: number | null;
  @Column('float8', { nullable: true }) accuracy!: number | null;
  @Column('timestamptz', { name: 'located_at', nullable: true }) locatedAt!: Date | null;
  @Column('timestamptz', { name: 'started_at', nullable: true }) startedAt!: Date | null;
  @Column('timestamptz', { name: 'closed_at', nullable: true }) closedAt!: Date | null;
  @Column({ type: 'timestamptz', name: 'created_at', insert: false, update: false }) createdAt!: Date;
  @Column({ type: 'timestamptz', name: 'updated_at', insert: false }) updatedAt!: Date;
}

/** Where the goods go. */
export interface Destination {
  address?: string;
  location?: { latitude: number; longitude: number };
}
