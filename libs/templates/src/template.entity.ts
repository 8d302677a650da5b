import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { TemplateText } from './render.js';

export interface TemplateVariable {
  name: string;
  type: 'text' | 'number' | 'money' | 'date' | 'url' | 'phone';
  example: string;
}

@Entity('message_templates')
export class Template {
  @PrimaryColumn('uuid', { name: 'merchant_id' }) merchantId!: string;
  @PrimaryColumn('uuid') id!: string;
  @Column('text') name!: string;
  @Column('text') type!: 'text';
  @Column('text') language!: string;
  @Column('text') category!: string;
  @Column('text') status!: 'draft' | 'active' | 'archived';
  @Column('jsonb') content!: TemplateText;
  @Column('jsonb') variables!: TemplateVariable[];
}
