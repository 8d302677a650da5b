export { AlarmBell } from './alarm-bell.js';
export { byIndex } from './by-index.js';
export { type CommandTools, runCommand } from './command.js';
export { DatabaseModule } from './database.module.js';
export {
  EventDataError,
  isCheckViolation,
  isForeignKeyViolation,
  isUniqueViolation,
  MissingTenantError,
  NestedTransactionError,
} from './database.errors.js';
export { findPage } from './find-page.js';
export { Listener } from './listener.js';
export { migrate } from './migrate.js';
export { isCollision, isPassing } from './passing-trouble.js';
export { poolOptions } from './pool.js';
export { schemaFaults } from './schema-check.js';
export { type Claim, type ClaimOutcome, IdempotencyStore, type StoredAnswer } from './idempotency.js';
export { rotateKeys, type RotatedColumn } from './key-rotation.js';
export { ensureRoles } from './roles.js';
export { Sealer } from './sealer.js';
export { SystemDb, Tenancy } from './tenancy.js';
export { type Alarm, alarm, named, SystemTx, TenantTx, Transaction } from './transaction.js';
export { UnitOfWork } from './unit-of-work.js';
