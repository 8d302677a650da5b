export { type Access, ACCESS, Me, Requires } from './access.js';
export { AuthGuard } from './auth.guard.js';
export { AuthService } from './auth.service.js';
export type { Caller, Role, Scope } from './caller.js';
export { LoginBody, MeView, MerchantView, RegisterBody, SessionView } from './identity.dto.js';
export { IdentityModule } from './identity.module.js';
export { MerchantService } from './merchant.service.js';
