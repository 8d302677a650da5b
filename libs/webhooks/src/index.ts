export { DeliveryReviver } from './delivery.reviver.js';
export { Drains } from './drains.js';
export { WebhookProcessor } from './webhook.processor.js';
export { WebhookLogService } from './webhook-log.service.js';
export {
  LogQuery,
  RecoverWebhookBody,
  RecoveryView,
  ResentView,
  TestWebhookBody,
  type Trigger,
  WebhookLogView,
} from './webhook-logs.dto.js';
export { WebhookRecoveryProcessor } from './webhook-recovery.processor.js';
export { WebhookRecoveryService } from './webhook-recovery.service.js';
export { WebhookResendService } from './webhook-resend.service.js';
export { WebhookService } from './webhook.service.js';
export { WebhookSink } from './webhook.sink.js';
export { CreatedWebhookView, CreateWebhookBody, RotatedSecretView, UpdateWebhookBody, WebhookView } from './webhooks.dto.js';
export {
  BadFilterError,
  BadHeaderError,
  BadRecoveryStartError,
  BlockedUrlError,
  EventGoneError,
  RecoveryRunningError,
  TooManyHeadersError,
  WebhookInactiveError,
} from './webhooks.errors.js';
export { WebhookDeliveryModule, WebhooksModule } from './webhooks.module.js';
