export {
  DeadLetterDetailView,
  DeadLetterQuery,
  DeadLetterSelection,
  DeadLettersTakenView,
  DeadLetterView,
} from './dead-letter.dto.js';
export { DeadLetterRetry } from './dead-letter.retry.js';
export { DeadLetterService } from './dead-letter.service.js';
export { type DeadLetterKind, DeadLetters, KINDS as DEAD_LETTER_KINDS, type Letter } from './dead-letters.js';
export { DeadLettersModule } from './dead-letters.module.js';
export { type Revival, ReviverRegistry, Revives, Shows } from './reviver.registry.js';
