export { createLogger, maskLine, NestLogger } from './logger.js';
export { Log } from './log.js';
export { Metrics, noteWebhookAttempt, type WebhookOutcome } from './metrics.js';
export { MetricsServer } from './metrics-server.js';
export { ObservabilityModule } from './observability.module.js';
export { runApp } from './run-app.js';
export { mayScrape, type Scrape } from './scrape-gate.js';
