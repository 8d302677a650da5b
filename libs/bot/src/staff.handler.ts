import { Injectable } from '@nestjs/common';
import type { TenantTx } from '@soko/database';
import type { StaffMember } from '@soko/identity';
import { AnswerQueue, MessageStore, type Unanswered } from '@soko/messaging';
import { ConversationStore } from './conversation.store.js';
import { hear } from './input.js';
import { staffAnswer } from './staff.js';
import { StaffCommandService } from './staff-command.service.js';
import { StaffDataService } from './staff-data.service.js';
import { staffSpeaker } from './staff-language.js';
import { wantOf } from './staff-words.js';

/** Answers the merchant's people on phones that are linked to them. What they want is done in their name, as over the api. */
@Injectable()
export class StaffHandler {
  constructor(
    private readonly conversations: ConversationStore,
    private readonly data: StaffDataService,
    private readonly commands: StaffCommandService,
    private readonly store: MessageStore,
    private readonly unanswered: AnswerQueue,
  ) {}

  /** @returns whether it is answered; those who shop are answered as customers are. */
  async answer(tx: TenantTx, message: Unanswered, member: StaffMember): Promise<boolean> {
    const state = await this.conversations.recallStaff(tx, message.chatId);
    if (state.step === 'shopping' && wantOf(hear(message.content))?.verb !== 'work') return false;
    const data = await this.data.of(tx, message, member, state);
    const given = staffAnswer(state, message.content, data);
    const spoken = given.commands.find((command) => command.do === 'speak')?.spoken;
    const speak = staffSpeaker(data);
    if (given.commands.length > 0) await tx.actAs({ type: 'user', id: member.id, role: member.role });
    const replies = [...given.replies];
    for (const command of given.commands) replies.push(...(await this.commands.execute(tx, message, member, command, speak)));
    await this.store.answer(tx, message.chatId, replies);
    await this.conversations.keepStaff(tx, message.chatId, given.state);
    await this.unanswered.done(tx, message, { spoken });
    return true;
  }
}
