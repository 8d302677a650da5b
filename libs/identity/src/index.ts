export { type Access, ACCESS, allows, Me, MyPerson, Requires } from './access.js';
export { AdminApiKeyView, AdminKeyQuery, ApiKeyView, CreateApiKeyBody, CreatedApiKeyView } from './api-key.dto.js';
export { ApiKeyService } from './api-key.service.js';
export { AccessGuard, IdentityGuard } from './auth.guard.js';
export { AuthService } from './auth.service.js';
export type { Caller, Person } from './caller.js';
export { CallerCheck } from './caller-check.service.js';
export { type Plan, PLATFORM_ID, type Role, ROLE_SCOPES, SCOPES, type Scope, type TeamRole } from './roles.js';
export { CredentialService } from './credential.service.js';
export {
  ChangePasswordBody,
  CreateUserBody,
  LoginBody,
  MerchantView,
  MeView,
  RegisterBody,
  SessionView,
  TeamUserView,
  UpdateUserBody,
} from './identity.dto.js';
export {
  EmailTakenError,
  ForbiddenError,
  InvalidCredentialsError,
  LastOwnerError,
  TooManyTriesError,
  UnauthenticatedError,
} from './identity.errors.js';
export { InboundSecretService } from './inbound-secret.service.js';
export { IdentityModule } from './identity.module.js';
export {
  AdminMerchantQuery,
  ChangePlanBody,
  InboundSecretView,
  LimitsView,
  LimitView,
  MerchantProfileView,
  NewInboundSecretView,
  OpeningHours,
  UpdateMerchantBody,
} from './merchant.dto.js';
export { MerchantService, type ShopView } from './merchant.service.js';
export { hashPassword } from './password.js';
export { CODE_MINUTES, hashOfPhoneCode, linkCodeIn, MAX_WRONG_CODES, newPhoneCode, SILENCE_MINUTES } from './phone-code.js';
export { PhoneCodeView, StaffPhoneView } from './staff-phone.dto.js';
export { type LinkOutcome, type StaffMember, StaffPhoneService } from './staff-phone.service.js';
export { planLimits } from './plan-limits.js';
export { TeamService } from './team.service.js';
