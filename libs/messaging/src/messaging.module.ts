import { Module } from '@nestjs/common';
import { AnswerQueue } from './answer.queue.js';
import { ChannelService } from './channel.service.js';
import { ChatService } from './chat.service.js';
import { MessageStore } from './message.store.js';
import { SendQueue } from './send.queue.js';

@Module({
  providers: [ChannelService, MessageStore, SendQueue, AnswerQueue, ChatService],
  exports: [ChannelService, MessageStore, SendQueue, AnswerQueue, ChatService],
})
export class MessagingModule {}
