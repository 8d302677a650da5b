export { AlarmBell } from './alarm-bell.js';
export { DatabaseModule } from './database.module.js';
export {
  isCheckViolation,
  isForeignKeyViolation,
  isUniqueViolation,
  MissingTenantError,
  NestedTransactionError,
} from './database.errors.js';
export { findPage } from './find-page.js';
export { Listener } from './listener.js';
export { migrate } from './migrate.js';
export { poolOptions } from './pool.js';
export { schemaFaults } from './schema-check.js';
export { SystemDb, SystemTx, Tenancy, TenantTx } from './tenancy.js';
export { Transaction, type Alarm } from './transaction.js';
