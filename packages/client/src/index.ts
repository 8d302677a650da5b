export { createClient, type Problem, type Soko, SokoError, type SokoOptions, unwrap } from './client.js';
export { type HeaderSource, verifyWebhook, type WebhookEvent, WebhookVerificationError, type VerifyOptions } from './webhook.js';
export type { components, operations, paths } from './api.js';
