export { BotModule } from './bot.module.js';
export { type ConversationState, IDLE } from './conversation-state.js';
export { answer } from './customer.js';
export type { OfferedProduct } from './offered-product.js';
export type { Answer, Command, MerchantData } from './turn.js';
