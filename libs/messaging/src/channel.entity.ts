import { Column, Entity, PrimaryColumn } from 'typeorm';

export type ChannelKind = 'simulator' | 'cloud' | 'baileys';
export type ChannelStatus = 'disconnected' | 'connecting' | 'awaiting_scan' | 'connected' | 'logged_out' | 'failed';

/** How a session finds its channel. `reason` is for the merchant: what has happened, or what to do. */
export interface ChannelReport {
  status: ChannelStatus;
  reason?: string;
  /** E.164, once the network has told it. */
  phone?: string;
  /** What the phone must scan or be told; nothing when there is nothing to link any more. */
  link?: { method: 'qr' | 'code'; value: string; expiresAt: Date };
  /** No new chats until then. */
  restrictedUntil?: Date;
  /** It does not come back by itself, or not soon: somebody must be told. */
  alarm?: boolean;
  /** The session has ended by itself and is opened again on command alone. */
  stopped?: boolean;
}

@Entity('channels')
export class Channel {
  @PrimaryColumn('uuid', { name: 'merchant_id' }) merchantId!: string;
  @PrimaryColumn('uuid') id!: string;
  @Column('text') name!: string;
  @Column('text') kind!: ChannelKind;
  @Column('text', { nullable: true }) phone!: string | null;
  @Column('boolean', { name: 'is_default' }) isDefault!: boolean;
  @Column('int') shard!: number;
  @Column('text') desired!: 'connected' | 'disconnected' | 'logged_out';
  @Column('jsonb') config!: object;
  @Column('text', { nullable: true }) secrets!: string | null;
}
