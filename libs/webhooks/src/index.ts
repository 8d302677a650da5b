export { Drains } from './drains.js';
export { WebhookProcessor } from './webhook.processor.js';
export { WebhookService } from './webhook.service.js';
export { WebhookSink } from './webhook.sink.js';
export {
  CreatedWebhookView,
  CreateWebhookBody,
  LogQuery,
  UpdateWebhookBody,
  WebhookLogView,
  WebhookView,
} from './webhooks.dto.js';
export { BadHeaderError, BlockedUrlError, TooManyHeadersError } from './webhooks.errors.js';
export { WebhookDeliveryModule, WebhooksModule } from './webhooks.module.js';
