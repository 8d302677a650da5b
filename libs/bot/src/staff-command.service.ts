import { Injectable } from '@nestjs/common';
import { AppError } from '@soko/common';
import type { OutboundContent } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import type { StaffMember } from '@soko/identity';
import type { Unanswered } from '@soko/messaging';
import { BroadcastCommandService } from './broadcast-command.service.js';
import { DriverCommandService } from './driver-command.service.js';
import { ShopCommandService, told } from './shop-command.service.js';
import type { StaffCommand, StaffSpeaker } from './staff-turn.js';

/** Does what somebody of the team wants besides words, in their name, in the answer's own transaction. */
@Injectable()
export class StaffCommandService {
  constructor(
    private readonly shop: ShopCommandService,
    private readonly driver: DriverCommandService,
    private readonly broadcasts: BroadcastCommandService,
  ) {}

  /** A command that cannot be carried out changes nothing, and its author is told why. */
  async execute(
    tx: TenantTx,
    message: Unanswered,
    member: StaffMember,
    command: StaffCommand,
    speak: StaffSpeaker,
  ): Promise<OutboundContent[]> {
    try {
      const reply = await tx.attempt(() => this.run(tx, message, member, command, speak));
      return reply ? [reply] : [];
    } catch (error) {
      // Between the question and the answer the thing has moved on; a position too late is no news.
      if (error instanceof AppError) return command.do === 'locate' ? [] : [told(error, speak)];
      throw error;
    }
  }

  private async run(
    tx: TenantTx,
    message: Unanswered,
    { id }: StaffMember,
    command: StaffCommand,
    speak: StaffSpeaker,
  ): Promise<OutboundContent | void> {
    // Whatever else somebody is, of what they bring they are the driver.
    const by = { id, role: 'driver' } as const;
    switch (command.do) {
      case 'move-order':
        return this.shop.moveOrder(tx, command, id, speak);
      case 'adjust-stock':
        return this.shop.adjustStock(tx, command, speak);
      case 'pause-shop':
        return this.shop.pauseShop(tx, command);
      case 'pause-chat':
        return this.shop.pauseChat(tx, command, message, speak);
      case 'unlink':
        return this.shop.unlink(tx, message);
      case 'broadcast':
        return this.broadcasts.send(tx, command, speak);
      case 'steer-broadcast':
        return this.broadcasts.steer(tx, command, speak);
      case 'start':
        return this.driver.start(tx, command, by, speak);
      case 'hand-over':
        return this.driver.handOver(tx, command, by, speak);
      case 'fail':
        return this.driver.fail(tx, command, by, speak);
      case 'locate':
        return this.driver.locate(tx, command, by);
      case 'speak':
        return undefined;
    }
  }
}
