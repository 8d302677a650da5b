export const TEAM_ROLES = ['owner', 'agent', 'driver'] as const;
export type TeamRole = (typeof TEAM_ROLES)[number];
/** `ops` is the role of the platform's own team, and of nobody else. */
export type Role = TeamRole | 'ops';

export const PLANS = ['trial', 'standard'] as const;
export type Plan = (typeof PLANS)[number];

/** The platform as a merchant: its team is ops, and it has nothing to sell. */
export const PLATFORM_ID = '00000000-0000-0000-0000-000000000000';

export const SCOPES = [
  'messages:read',
  'messages:write',
  'templates:read',
  'templates:write',
  'media:read',
  'media:write',
  'catalog:read',
  'catalog:write',
  'orders:read',
  'orders:write',
  'deliveries:read',
  'deliveries:write',
  'payments:read',
  'payments:write',
  'webhooks:read',
  'webhooks:write',
  'channels:read',
  'channels:write',
  'events:read',
  'audit:read',
] as const;
export type Scope = (typeof SCOPES)[number];

const NOT_FOR_AGENTS: Scope[] = ['webhooks:read', 'webhooks:write', 'channels:write', 'templates:write', 'audit:read'];

/** What each role may do. Ops do what they do under /api/admin, and nothing in a merchant's name. */
export const ROLE_SCOPES: Record<Role, ReadonlySet<Scope>> = {
  owner: new Set(SCOPES),
  agent: new Set(SCOPES.filter((scope) => !NOT_FOR_AGENTS.includes(scope))),
  driver: new Set<Scope>(['deliveries:read', 'deliveries:write']),
  ops: new Set(),
};
