export { AuditActorView, AUDITED, AuditEntryView, AuditQuery } from './audit.dto.js';
export { AuditModule } from './audit.module.js';
export { AuditService } from './audit.service.js';
export { type ChainVerdict, verifyChains } from './verify.js';
