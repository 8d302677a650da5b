export { ConfigModule } from './config.module.js';
export { databaseUrl, loadSettings, projectRoot } from './load.js';
export { publicUrl } from './public-url.js';
export { Settings } from './settings.js';
export { settingsErrorLines } from './settings-error.js';
