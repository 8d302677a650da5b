import { Injectable } from '@nestjs/common';
import { workContext } from '@soko/common';
import { answerChat, type AnswerChatJob } from '@soko/contracts';
import { Tenancy, type TenantTx } from '@soko/database';
import { AnswerQueue, type Unanswered } from '@soko/messaging';
import { Handles } from '@soko/queues';
import { AuthHandler } from './auth.handler.js';
import { CustomerHandler } from './customer.handler.js';
import { StaffHandler } from './staff.handler.js';

/** Answers whoever writes: one chat's messages one after the other, each in one transaction with all that follows from it. */
@Injectable()
export class BotService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly unanswered: AnswerQueue,
    private readonly auth: AuthHandler,
    private readonly staff: StaffHandler,
    private readonly customers: CustomerHandler,
  ) {}

  /** Works off what was written in the chat, oldest first, until nothing is due. */
  @Handles(answerChat)
  async answerChat({ merchantId, chatId }: AnswerChatJob): Promise<void> {
    for (let more = true; more;) {
      let message: Unanswered | undefined;
      workContext.actAs({ type: 'bot' });
      try {
        more = await this.tenancy.run(merchantId, async (tx) => {
          message = await this.unanswered.next(tx, chatId);
          if (message) await this.answer(tx, message);
          return message?.more ?? false;
        });
      } catch (error) {
        if (message) await this.unanswered.recordFailure(message, error);
        throw error;
      }
    }
  }

  private async answer(tx: TenantTx, message: Unanswered): Promise<void> {
    if (await this.auth.answer(tx, message)) return;
    // STOP and START are about offers, whoever says so.
    const { staff } = message;
    if (staff && !message.consent && (await this.staff.answer(tx, message, staff))) return;
    if (message.shopPaused && !staff) return this.unanswered.leave(tx, message);
    await this.customers.answer(tx, message);
  }
}
