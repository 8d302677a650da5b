import { Injectable } from '@nestjs/common';
import type { AppError } from '@soko/common';
import type { OutboundContent } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import {
  type By,
  CodeLockedError,
  DeliveryService,
  LOCK_MINUTES,
  NoCodeError,
  NotAPhotoError,
  WrongCodeError,
} from '@soko/deliveries';
import { FulfilmentService } from '@soko/orders';
import * as say from './say.js';
import type { StaffCommand, StaffSpeaker } from './staff-turn.js';
import { tapOn } from './staff-words.js';

type Of<D extends StaffCommand['do']> = Extract<StaffCommand, { do: D }>;

/** Does what becomes of a delivery, in the answer's own transaction. Each call gives what its driver is told of it. */
@Injectable()
export class DriverCommandService {
  constructor(
    private readonly fulfilment: FulfilmentService,
    private readonly deliveries: DeliveryService,
  ) {}

  async start(tx: TenantTx, { id, number }: Of<'start'>, by: By, speak: StaffSpeaker): Promise<OutboundContent> {
    await this.fulfilment.start(tx, id, by);
    const choices = [
      { id: tapOn('done', number), title: speak.say('doneIt') },
      { id: tapOn('failed', number), title: speak.say('failIt') },
    ];
    return say.buttons(choices, [speak.say('started', { number })]);
  }

  /** A wrong code is told and counts: what it has changed stands. */
  async handOver(tx: TenantTx, command: Of<'hand-over'>, by: By, speak: StaffSpeaker): Promise<OutboundContent> {
    const { id, number, code, mediaId } = command;
    try {
      const done = await this.fulfilment.handOver(tx, id, by, { code, mediaId });
      if (!isError(done)) return say.text(speak.say('delivered', { number }));
      const words = refused(done, number, speak);
      if (words) return say.text(words);
      throw done;
    } catch (error) {
      if (error instanceof NoCodeError) return say.text(speak.say('noCode', { number }));
      if (!(error instanceof NotAPhotoError)) throw error;
      return say.buttons([{ id: tapOn('photo', number), title: `#${number}` }], [speak.say('photoLater')]);
    }
  }

  async fail(tx: TenantTx, { id, number, reason }: Of<'fail'>, by: By, speak: StaffSpeaker): Promise<OutboundContent> {
    await this.deliveries.fail(tx, id, by, reason);
    return say.text(speak.say('cameBack', { number, reason: say.clip(reason, 300) }));
  }

  async locate(tx: TenantTx, { id, position }: Of<'locate'>, by: By): Promise<void> {
    await this.deliveries.locate(tx, id, by, position);
  }
}

const isError = (done: object): done is AppError => done instanceof Error;

function refused(error: AppError, number: number, speak: StaffSpeaker): string | undefined {
  if (error instanceof CodeLockedError)
    return speak.say('codeLocked', { number, count: Math.ceil((error.retryAfter ?? 60) / 60) });
  if (!(error instanceof WrongCodeError)) return undefined;
  const { left } = error;
  return left > 0
    ? speak.say('wrongDeliveryCode', { number, count: left })
    : speak.say('codeLocked', { number, count: LOCK_MINUTES });
}
