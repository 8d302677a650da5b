export const ROLES = ['owner', 'agent', 'driver'] as const;
export type Role = (typeof ROLES)[number];

export const SCOPES = [
  'messages:read',
  'messages:write',
  'templates:read',
  'templates:write',
  'catalog:read',
  'catalog:write',
  'orders:read',
  'orders:write',
  'deliveries:read',
  'deliveries:write',
  'webhooks:read',
  'webhooks:write',
  'channels:read',
  'channels:write',
] as const;
export type Scope = (typeof SCOPES)[number];

const AGENT: Scope[] = SCOPES.filter(
  (scope) => !scope.startsWith('webhooks:') && scope !== 'channels:write' && scope !== 'templates:write',
);

/** What each role of a merchant's team may do. */
export const ROLE_SCOPES: Record<Role, readonly Scope[]> = {
  owner: SCOPES,
  agent: AGENT,
  driver: ['deliveries:read', 'deliveries:write'],
};

/** Who is calling, as the guard found out. */
export interface Caller {
  userId: string;
  merchantId: string;
  role: Role;
}
