import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Plan, Role, Scope } from './roles.js';
import type { OpeningHours } from './merchant.dto.js';

@Entity('merchants')
export class Merchant {
  @PrimaryColumn('uuid') id!: string;
  @Column('text') name!: string;
  @Column('text') currency!: string;
  @Column('text') timezone!: string;
  @Column('text') locale!: string;
  @Column({ type: 'text', insert: false }) plan!: Plan;
  @Column('jsonb', { name: 'opening_hours', nullable: true }) openingHours!: OpeningHours | null;
  @Column({ type: 'int', name: 'cart_reminder_hours', nullable: true }) cartReminderHours!: number | null;
  @Column({ type: 'int', name: 'handover_minutes', nullable: true }) handoverMinutes!: number | null;
  @Column({ type: 'boolean', name: 'bot_paused', insert: false }) botPaused!: boolean;
  @Column({ type: 'timestamptz', name: 'created_at', insert: false, update: false }) createdAt!: Date;
}

@Entity('users')
export class User {
  @PrimaryColumn('uuid', { name: 'merchant_id' }) merchantId!: string;
  @PrimaryColumn('uuid') id!: string;
  @Column('text') email!: string;
  @Column('text') name!: string;
  @Column('text') role!: Role;
  @Column({ type: 'timestamptz', name: 'password_changed_at', insert: false }) passwordChangedAt!: Date;
  @Column({ type: 'timestamptz', name: 'created_at', insert: false, update: false }) createdAt!: Date;
}

@Entity('logins')
export class Login {
  @PrimaryColumn('text') email!: string;
  @Column('uuid', { name: 'merchant_id' }) merchantId!: string;
  @Column('uuid', { name: 'user_id' }) userId!: string;
  @Column('text', { name: 'password_hash' }) passwordHash!: string;
}

@Entity('sessions')
export class Session {
  @PrimaryColumn('uuid', { name: 'merchant_id' }) merchantId!: string;
  @PrimaryColumn('uuid') id!: string;
  @Column('uuid', { name: 'user_id' }) userId!: string;
}

@Entity('api_keys')
export class ApiKey {
  @PrimaryColumn('uuid', { name: 'merchant_id' }) merchantId!: string;
  @PrimaryColumn('uuid') id!: string;
  @Column('text') name!: string;
  @Column('text') hint!: string;
  @Column('bytea', { select: false }) hash!: Buffer;
  @Column('text', { array: true }) scopes!: Scope[];
  @Column('timestamptz', { name: 'expires_at', nullable: true }) expiresAt!: Date | null;
  @Column({ type: 'timestamptz', name: 'last_used_at', insert: false, update: false, nullable: true }) lastUsedAt!: Date | null;
  @Column('uuid', { name: 'created_by' }) createdBy!: string;
  @Column({ type: 'timestamptz', name: 'created_at', insert: false, update: false }) createdAt!: Date;
}
