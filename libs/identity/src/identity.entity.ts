import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Role } from './caller.js';

@Entity('merchants')
export class Merchant {
  @PrimaryColumn('uuid') id!: string;
  @Column('text') name!: string;
  @Column('text') currency!: string;
  @Column('text') timezone!: string;
  @Column('text') locale!: string;
}

@Entity('users')
export class User {
  @PrimaryColumn('uuid', { name: 'merchant_id' }) merchantId!: string;
  @PrimaryColumn('uuid') id!: string;
  @Column('text') email!: string;
  @Column('text') name!: string;
  @Column('text') role!: Role;
}

@Entity('logins')
export class Login {
  @PrimaryColumn('text') email!: string;
  @Column('uuid', { name: 'merchant_id' }) merchantId!: string;
  @Column('uuid', { name: 'user_id' }) userId!: string;
  @Column('text', { name: 'password_hash' }) passwordHash!: string;
}
