import { IsIn, IsString, Length } from 'class-validator';
import { IsPhone, Optional } from '@soko/common';
import type { ChannelKind, ChannelStatus } from './channel.entity.js';

export class CreateChannelBody {
  /** @example Shop phone */
  @IsString() @Length(1, 100) name!: string;
  /** Only `simulator` can be connected in this version. @example simulator */
  @IsIn(['simulator']) kind!: 'simulator';
  /** The number that customers write to. @example +263771000000 */
  @Optional() @IsPhone() phone?: string;
}

export class ChannelView {
  id!: string;
  name!: string;
  kind!: ChannelKind;
  phone?: string;
  isDefault!: boolean;
  status!: ChannelStatus;
  createdAt!: string;
}

export class ChannelStatusView {
  channelId!: string;
  kind!: ChannelKind;
  status!: ChannelStatus;
  phone?: string;
  lastConnectedAt?: string;
  reason?: string;
}
