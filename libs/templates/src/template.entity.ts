import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { CloudCounterpart } from './cloud-counterpart.js';
import type { CloudState } from './cloud-state.js';
import type { TemplateType, TemplateVariable, TypedContent } from './template-content.js';

export const TEMPLATE_STATUSES = ['draft', 'active', 'archived'] as const;
export type TemplateStatus = (typeof TEMPLATE_STATUSES)[number];
/** In WhatsApp's words. */
export const TEMPLATE_CATEGORIES = ['utility', 'marketing', 'authentication'] as const;
export type TemplateCategory = (typeof TEMPLATE_CATEGORIES)[number];

/** All that makes a version of a template. */
export interface TemplateState {
  name: string;
  language: string;
  type: TemplateType;
  category: TemplateCategory;
  status: TemplateStatus;
  content: TypedContent['content'];
  variables: TemplateVariable[];
  cloud: CloudCounterpart | null;
}

/** `version` and `updatedAt` are written by the database, and so is a row of `template_versions`, whoever changes a template. */
@Entity('message_templates')
export class Template implements TemplateState {
  @PrimaryColumn('uuid', { name: 'merchant_id' }) merchantId!: string;
  @PrimaryColumn('uuid') id!: string;
  @Column('text') name!: string;
  @Column('text') language!: string;
  @Column('text') type!: TemplateType;
  @Column('text') category!: TemplateCategory;
  @Column('text') status!: TemplateStatus;
  @Column('jsonb') content!: TypedContent['content'];
  @Column('jsonb') variables!: TemplateVariable[];
  @Column('jsonb', { nullable: true }) cloud!: CloudCounterpart | null;
  @Column({ type: 'int', insert: false, update: false }) version!: number;
  @Column('text', { nullable: true }) reason!: string | null;
  /** Null: Meta was not asked yet. */
  @Column('text', { name: 'cloud_status', nullable: true }) cloudStatus!: Exclude<CloudState, 'unknown'> | null;
  @Column('text', { name: 'cloud_reason', nullable: true }) cloudReason!: string | null;
  @Column({ type: 'timestamptz', name: 'cloud_checked_at', nullable: true }) cloudCheckedAt!: Date | null;
  @Column({ type: 'timestamptz', name: 'created_at', insert: false, update: false }) createdAt!: Date;
  @Column({ type: 'timestamptz', name: 'updated_at', insert: false, update: false }) updatedAt!: Date;
  @Column({ type: 'timestamptz', name: 'deleted_at', nullable: true }) deletedAt!: Date | null;
}
