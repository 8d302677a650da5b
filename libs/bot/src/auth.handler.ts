import { Injectable } from '@nestjs/common';
import { normalisePhone } from '@soko/common';
import type { OutboundContent } from '@soko/contracts';
import type { TenantTx } from '@soko/database';
import { linkCodeIn, MerchantService, SILENCE_MINUTES, StaffPhoneService } from '@soko/identity';
import { AnswerQueue, MessageStore, NumberProofService, type Unanswered } from '@soko/messaging';
import { ConversationStore } from './conversation.store.js';
import { wordsIn } from './input.js';
import { languageFor, speaker, type Speaker, spokenBy } from './language.js';
import * as say from './say.js';
import { menu } from './staff.js';
import { staffSpeaker } from './staff-language.js';
import { READY } from './staff-state.js';
import type { StaffSpeaker } from './staff-turn.js';
import { numberCodeIn, ownNumberIn } from './staff-words.js';

/**
 * Finds out who somebody is. Whoever writes the code that the dashboard gave to a user has the phone of that user; whoever writes the
 * code that went to a number has that number.
 */
@Injectable()
export class AuthHandler {
  constructor(
    private readonly phones: StaffPhoneService,
    private readonly numbers: NumberProofService,
    private readonly merchants: MerchantService,
    private readonly conversations: ConversationStore,
    private readonly store: MessageStore,
    private readonly unanswered: AnswerQueue,
  ) {}

  /** @returns whether it was about that, and is answered. Everything else is for whoever they are. */
  async answer(tx: TenantTx, message: Unanswered): Promise<boolean> {
    const replies = await this.replies(tx, message);
    if (!replies) return false;
    await this.store.answer(tx, message.chatId, replies);
    await this.unanswered.done(tx, message);
    return true;
  }

  private async replies(tx: TenantTx, message: Unanswered): Promise<OutboundContent[] | undefined> {
    const words = wordsIn(message.content);
    const linkCode = linkCodeIn(words);
    if (linkCode !== undefined) return this.link(tx, message, linkCode);
    const own = ownNumberIn(words);
    if (own !== undefined) return this.claim(tx, message, own);
    // WhatsApp itself tells the number of most: six digits of theirs are no such code.
    const code = message.provenPhone ? undefined : numberCodeIn(words);
    return code === undefined ? undefined : this.prove(tx, message, code);
  }

  private async link(tx: TenantTx, message: Unanswered, code: string): Promise<OutboundContent[]> {
    const { locale } = await this.merchants.shop(tx);
    const speak = staffSpeaker({ locale, ...spokenBy(message) });
    const outcome = await this.phones.link(tx, message.contactId, code);
    if (outcome === 'silence') return [];
    if ('triesLeft' in outcome) return [say.text(refusal(speak, outcome.triesLeft))];
    const { member } = outcome;
    await tx.actAs({ type: 'user', id: member.id, role: member.role });
    await this.conversations.keepStaff(tx, message.chatId, READY);
    const known = speak.say('linked', { name: say.clip(member.name, 60), role: speak.say(member.role) });
    return menu({ data: { member, paused: message.shopPaused }, speak }, known).replies;
  }

  /** "my number +263771234567" */
  private async claim(tx: TenantTx, message: Unanswered, written: string): Promise<OutboundContent[]> {
    const speak = await this.speaker(tx, message);
    const { provenPhone, contactId, chatId } = message;
    if (provenPhone) return [say.text(speak.say('numberKnown', { phone: provenPhone }))];
    const phone = normalisePhone(written);
    if (!phone) return [say.text(speak.say('numberHow'))];
    await this.numbers.claim(tx, { contactId, chatId, phone });
    return [say.text(speak.say('numberAsked', { phone }))];
  }

  private async prove(tx: TenantTx, message: Unanswered, code: string): Promise<OutboundContent[] | undefined> {
    const outcome = await this.numbers.check(tx, message, code);
    if (outcome === 'no proof') return undefined;
    const speak = await this.speaker(tx, message);
    if (outcome === 'right') return [say.text(speak.say('numberRight'))];
    const { triesLeft: count } = outcome;
    return [say.text(count > 0 ? speak.say('numberWrong', { count }) : speak.say('numberVoid'))];
  }

  private async speaker(tx: TenantTx, message: Unanswered): Promise<Speaker> {
    const { locale } = await this.merchants.shop(tx);
    return speaker(languageFor(message.language, locale), locale);
  }
}

const refusal = (speak: StaffSpeaker, triesLeft: number): string =>
  triesLeft > 0 ? speak.say('wrongCode', { count: triesLeft }) : speak.say('noTriesLeft', { minutes: SILENCE_MINUTES });
