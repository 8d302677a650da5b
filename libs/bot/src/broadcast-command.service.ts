import { Injectable } from '@nestjs/common';
import { BroadcastService, type BroadcastView } from '@soko/broadcasts';
import type { OutboundContent } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import * as say from './say.js';
import { segmentOf } from './staff-broadcast.js';
import type { StaffCommand, StaffSpeaker } from './staff-turn.js';
import { tapOn } from './staff-words.js';

type Of<D extends StaffCommand['do']> = Extract<StaffCommand, { do: D }>;

/** The most that one word stops; nobody has so many going out at once. */
const RUNNING = 20;

/** Sends out and stops broadcasts, in the answer's own transaction. Each call gives what their author is told of it. */
@Injectable()
export class BroadcastCommandService {
  constructor(private readonly broadcasts: BroadcastService) {}

  async send(tx: TenantTx, { name, values, audience }: Of<'broadcast'>, speak: StaffSpeaker): Promise<OutboundContent> {
    const { id } = await this.broadcasts.create(tx, {
      name: say.clip(name, 200),
      templateName: name,
      variables: values,
      segment: segmentOf(audience, new Date()),
    });
    const { recipients } = await this.broadcasts.take(tx, id, 'start');
    const choices = [{ id: tapOn('pause', `broadcast:${id}`), title: speak.say('stopIt') }];
    return say.buttons(choices, [speak.say('sending', { count: recipients })]);
  }

  /** What is tapped is the one that the button came with; a word is about all that go out, or about the last one that was stopped. */
  async steer(tx: TenantTx, { id, paused }: Of<'steer-broadcast'>, speak: StaffSpeaker): Promise<OutboundContent> {
    const meant = id === undefined ? await this.listed(tx, paused) : [await this.broadcasts.get(tx, id)];
    for (const broadcast of meant) await this.broadcasts.take(tx, broadcast.id, paused ? 'pause' : 'resume');
    const [first] = meant;
    if (!first) return say.text(speak.say(paused ? 'noneRuns' : 'noneStopped'));
    const lines = meant.map(({ name }) =>
      speak.say(paused ? 'broadcastStopped' : 'broadcastGoesOn', { name: say.clip(name, 60) }),
    );
    const choice = paused
      ? { id: tapOn('resume', `broadcast:${first.id}`), title: speak.say('goOn') }
      : { id: tapOn('pause', `broadcast:${first.id}`), title: speak.say('stopIt') };
    return say.buttons(meant.length === 1 ? [choice] : [], lines);
  }

  private async listed(tx: TenantTx, paused: boolean): Promise<BroadcastView[]> {
    const query = paused ? ({ status: 'running', limit: RUNNING } as const) : ({ status: 'paused', limit: 1 } as const);
    return (await this.broadcasts.list(tx, query)).data;
  }
}
