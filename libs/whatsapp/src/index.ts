export { BreakerView } from './cloud/breaker.dto.js';
export { BreakerService } from './cloud/breaker.service.js';
export { type CloudAccess, CloudClient, type CloudMedia, type CloudNumber } from './cloud/cloud.client.js';
export { CloudError } from './cloud/cloud-errors.js';
export { type CloudCall, CloudHandshake, CloudWebhookService } from './cloud/cloud-webhook.service.js';
export type { InboundChannel, InboundFormat, InboundItem } from './inbound/inbound-item.js';
export { InboundModule } from './inbound/inbound.module.js';
export { InboundQueue } from './inbound/inbound.queue.js';
export { type FailedAccount, NoBusinessAccountError, CloudTemplateSync, type TemplateSync } from './cloud/cloud-template-sync.js';
export { type PayloadPreview, payloadPreview } from './payload-preview.js';
export { OutboundFiles } from './outbound-files.js';
export { PhoneFileView, PhoneMessageBody, PhoneMessageView, PhoneQuery, PhoneWroteView, ReceiptBody } from './simulator.dto.js';
export { SimulatorService } from './simulator.service.js';
export {
  type Fate,
  type Session,
  type SessionHost,
  type Transport,
  type TransportChannel,
  TransportError,
  type TransportMessage,
} from './transport.js';
export { Transports } from './transports.js';
export { BadSignatureError, HandshakeError } from './whatsapp.errors.js';
export { WhatsappModule } from './whatsapp.module.js';
