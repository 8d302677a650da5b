export { AnswerQueue, type Unanswered } from './answer.queue.js';
export type { CloudSecrets } from './channel.config.js';
export {
  ChannelConfigBody,
  ChannelStatusQuery,
  ChannelStatusView,
  ChannelView,
  CreateChannelBody,
  PairingCodeBody,
  PairingCodeView,
  QrView,
  UpdateChannelBody,
} from './channel.dto.js';
export type { ChannelKind, ChannelReport, ChannelStatus } from './channel.entity.js';
export { ChannelService } from './channel.service.js';
export { ChannelSessionService } from './channel-session.service.js';
export { ChatContactView, ChatQuery, ChatView, HandoverBody, MessageQuery } from './chat.dto.js';
export { ChatService } from './chat.service.js';
export type { ContactAddress } from './contact-address.js';
export { ContactChatSummary, ContactDetailView, ContactQuery, ContactView, UpdateContactBody } from './contact.dto.js';
export { ContactService } from './contact.service.js';
export {
  type MessageCategory,
  MessageDetailView,
  MessageErrorView,
  MessageView,
  QueuedView,
  TimelineEntry,
} from './message.dto.js';
export { MessageReviver } from './message.reviver.js';
export { type Incoming, MessageStore, type Outgoing } from './message.store.js';
export {
  ContactBlockedError,
  GatewaySilentError,
  NoChannelError,
  NotCancellableError,
  NotLinkableError,
  NotLinkingError,
  OptedOutError,
  OptInRefusedError,
  SimulatorOffError,
} from './messaging.errors.js';
export { MessagingModule } from './messaging.module.js';
export { type NumberCode, type NumberOutcome, NumberProofService } from './number-proof.service.js';
export type { Receipt } from './receipts.js';
export { ScheduleService } from './schedule.service.js';
export { contentOf, recipientOf, SendMessageBody, TemplateContent } from './send.dto.js';
export { type ClaimedSend, type Lease, type SendOutcome, SendQueue } from './send.queue.js';
