export { BotModule } from './bot.module.js';
export { answer, type Answer, type ConversationState, IDLE, type MerchantData } from './conversation.js';
export type { OfferedProduct } from './offered-product.js';
