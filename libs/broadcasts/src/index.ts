export { BroadcastChoiceService, type BroadcastTemplate } from './broadcast-choice.service.js';
export { type BroadcastOutlook, BroadcastPreviewService } from './broadcast-preview.service.js';
export { BroadcastProcessor } from './broadcast.processor.js';
export { BroadcastSender } from './broadcast.sender.js';
export { BroadcastService } from './broadcast.service.js';
export {
  BroadcastDetailView,
  BroadcastPreviewBody,
  BroadcastPreviewView,
  BroadcastQuery,
  BroadcastView,
  CreateBroadcastBody,
  RecipientQuery,
  RecipientView,
  Segment,
} from './broadcasts.dto.js';
export { BroadcastTransitionError, NotForBroadcastsError } from './broadcasts.errors.js';
export { BroadcastsModule } from './broadcasts.module.js';
