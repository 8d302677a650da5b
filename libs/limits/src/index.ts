export { type Count, Counters } from './counters.js';
export { type Hit, Limiter } from './limiter.js';
export { LimitsModule } from './limits.module.js';
