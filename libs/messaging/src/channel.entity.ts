import { Column, Entity, PrimaryColumn } from 'typeorm';

export type ChannelKind = 'simulator' | 'cloud' | 'baileys';
export type ChannelStatus = 'disconnected' | 'connecting' | 'awaiting_scan' | 'connected' | 'logged_out' | 'failed';

@Entity('channels')
export class Channel {
  @PrimaryColumn('uuid', { name: 'merchant_id' }) merchantId!: string;
  @PrimaryColumn('uuid') id!: string;
  @Column('text') name!: string;
  @Column('text') kind!: ChannelKind;
  @Column('text', { nullable: true }) phone!: string | null;
  @Column('boolean', { name: 'is_default' }) isDefault!: boolean;
  @Column('int') shard!: number;
  @Column('text') desired!: 'connected' | 'disconnected';
}
