import { Module } from '@nestjs/common';
import { AnswerQueue } from './answer.queue.js';
import { ChannelService } from './channel.service.js';
import { ChannelSessionService } from './channel-session.service.js';
import { ChatService } from './chat.service.js';
import { ChatStore } from './chat.store.js';
import { ContactService } from './contact.service.js';
import { ContactStore } from './contact.store.js';
import { MessageStore } from './message.store.js';
import { NumberProofService } from './number-proof.service.js';
import { ReceiptBook } from './receipt-book.js';
import { ScheduleService } from './schedule.service.js';
import { SendQueue } from './send.queue.js';

@Module({
  providers: [
    ChannelService,
    ChannelSessionService,
    ContactStore,
    ContactService,
    ChatStore,
    ChatService,
    MessageStore,
    NumberProofService,
    ReceiptBook,
    SendQueue,
    ScheduleService,
    AnswerQueue,
  ],
  exports: [
    ChannelService,
    ChannelSessionService,
    ContactService,
    ChatService,
    MessageStore,
    NumberProofService,
    SendQueue,
    ScheduleService,
    AnswerQueue,
  ],
})
export class MessagingModule {}
