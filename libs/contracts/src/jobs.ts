import { IsInt, IsString, IsUUID, Min } from 'class-validator';
import { defineJob } from './job.js';

/** Alarms in one job: a queue asks its store several things for each job, and that is more than many an alarm takes. */
const PACK = 8;

export class SendChatJob {
  @IsUUID() merchantId!: string;
  @IsUUID() chatId!: string;
  @IsInt() @Min(0) shard!: number;
}
/** Work off what waits to be sent in one chat, oldest first. */
export const sendChat = defineJob('send-chat', {
  queue: 'message_sending',
  payload: SendChatJob,
  due: { table: 'pending_sends', ids: { merchantId: 'merchant_id', chatId: 'chat_id', shard: 'shard' } },
  lane: (job) => job.shard,
});

export class AnswerChatJob {
  @IsUUID() merchantId!: string;
  @IsUUID() chatId!: string;
}
/** Answer what came in in one chat, oldest first. */
export const answerChat = defineJob('answer-chat', {
  queue: 'inbound_processing',
  payload: AnswerChatJob,
  pack: PACK,
  due: { table: 'pending_answers', ids: { merchantId: 'merchant_id', chatId: 'chat_id' } },
});

export class RemindOfCartJob {
  @IsUUID() merchantId!: string;
  @IsUUID() chatId!: string;
}
/** Remind a customer of a cart that was left. */
export const remindOfCart = defineJob('remind-of-cart', {
  queue: 'inbound_processing',
  payload: RemindOfCartJob,
  due: { table: 'carts', ids: { merchantId: 'merchant_id', chatId: 'chat_id' } },
});

export class ProcessInboundJob {
  @IsUUID() merchantId!: string;
  @IsUUID() channelId!: string;
}
/** Understand and store what a channel has received, in the order in which it came. */
export const processInbound = defineJob('process-inbound', {
  queue: 'inbound_processing',
  payload: ProcessInboundJob,
  due: { table: 'inbound_deliveries', ids: { merchantId: 'merchant_id', channelId: 'channel_id' } },
});

export class RetryDeadLetterJob {
  @IsUUID() merchantId!: string;
  @IsUUID() deadLetterId!: string;
}
/** Try once more what has failed for good so far. */
export const retryDeadLetter = defineJob('retry-dead-letter', {
  queue: 'maintenance',
  payload: RetryDeadLetterJob,
  due: { table: 'dead_letters', ids: { merchantId: 'merchant_id', deadLetterId: 'id' } },
});

export class ProcessOrderJob {
  @IsUUID() merchantId!: string;
  @IsUUID() orderId!: string;
}
/** Confirm or reject a pending order. */
export const processOrder = defineJob('process-order', {
  queue: 'order_processing',
  payload: ProcessOrderJob,
  pack: PACK,
  due: { table: 'orders', ids: { merchantId: 'merchant_id', orderId: 'id' } },
});

export class PaymentLinkJob {
  @IsUUID() merchantId!: string;
  @IsUUID() paymentId!: string;
}
/** Make the page on which the customer pays. */
export const makePaymentLink = defineJob('make-payment-link', {
  queue: 'order_processing',
  payload: PaymentLinkJob,
  due: { table: 'payments', ids: { merchantId: 'merchant_id', paymentId: 'id' } },
});

export class RefundJob {
  @IsUUID() merchantId!: string;
  @IsUUID() refundId!: string;
}
/** Ask the provider to give money back. */
export const refundPayment = defineJob('refund-payment', {
  queue: 'order_processing',
  payload: RefundJob,
  due: { table: 'payment_refunds', ids: { merchantId: 'merchant_id', refundId: 'id' } },
});

export class ReactJob {
  @IsUUID() merchantId!: string;
  @IsString() reaction!: string;
  /** What the events are about, for example an order's id: reactions to one subject run in the order of its events. */
  @IsString() subject!: string;
}
/** Run one reaction for one subject, oldest event first. */
export const react = defineJob('react', {
  queue: 'maintenance',
  payload: ReactJob,
  pack: PACK,
  due: { table: 'event_reactions', ids: { merchantId: 'merchant_id', reaction: 'reaction', subject: 'subject' } },
});

export class ProcessMediaJob {
  @IsUUID() merchantId!: string;
  @IsUUID() blobId!: string;
}
/** Make the sizes of a picture. */
export const processMedia = defineJob('process-media', {
  queue: 'media_processing',
  payload: ProcessMediaJob,
  due: { table: 'media_blobs', ids: { merchantId: 'merchant_id', blobId: 'id' } },
});

export class FetchMediaJob {
  @IsUUID() merchantId!: string;
  @IsUUID() messageId!: string;
}
/** Bring the file of a customer's message home. */
export const fetchMedia = defineJob('fetch-media', {
  queue: 'media_processing',
  payload: FetchMediaJob,
  due: { table: 'pending_media', ids: { merchantId: 'merchant_id', messageId: 'message_id' } },
});

export class DrainWebhookJob {
  @IsUUID() merchantId!: string;
  @IsUUID() webhookId!: string;
}
/** Send a subscription what is behind its cursor in the history, and what it is owed. */
export const drainWebhook = defineJob('drain-webhook', {
  queue: 'webhook_delivery',
  payload: DrainWebhookJob,
  pack: PACK,
  due: { table: 'webhook_drains', ids: { merchantId: 'merchant_id', webhookId: 'webhook_id' } },
});

export class RecoverWebhookJob {
  @IsUUID() merchantId!: string;
  @IsUUID() recoveryId!: string;
}
/** Have what a subscription has not taken sent again. */
export const recoverWebhook = defineJob('recover-webhook', {
  queue: 'maintenance',
  payload: RecoverWebhookJob,
  due: { table: 'webhook_recoveries', ids: { merchantId: 'merchant_id', recoveryId: 'id' } },
});

export class RunBroadcastJob {
  @IsUUID() merchantId!: string;
  @IsUUID() broadcastId!: string;
}
/** Queue as many messages of a broadcast as its channel takes now. */
export const runBroadcast = defineJob('run-broadcast', {
  queue: 'maintenance',
  payload: RunBroadcastJob,
  due: { table: 'broadcasts', ids: { merchantId: 'merchant_id', broadcastId: 'id' } },
});
