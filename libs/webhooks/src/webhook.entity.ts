import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Filters } from './webhook-filters.js';

const MADE_BY_POSTGRES = { insert: false, update: false } as const;

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
  @Column('jsonb', { nullable: true }) filters!: Filters | null;
  @Column('int', { name: 'rate_limit', nullable: true }) rateLimit!: number | null;
  @Column('boolean') ordered!: boolean;
  /** Sealed: the secret before this one. */
  @Column('text', { name: 'old_secret', nullable: true }) oldSecret!: string | null;
  @Column('timestamptz', { name: 'old_secret_until', nullable: true }) oldSecretUntil!: Date | null;
  @Column({ type: 'text', name: 'disabled_reason', nullable: true, ...MADE_BY_POSTGRES }) disabledReason!:
    'gone' | 'failing' | null;
  @Column({ type: 'timestamptz', name: 'disabled_at', nullable: true, ...MADE_BY_POSTGRES }) disabledAt!: Date | null;
  @Column({ type: 'timestamptz', name: 'created_at', ...MADE_BY_POSTGRES }) createdAt!: Date;
}
