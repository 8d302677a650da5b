export { createLogger, maskLine, NestLogger } from './logger.js';
export { Log } from './log.js';
export { ObservabilityModule } from './observability.module.js';
export { runApp } from './run-app.js';
