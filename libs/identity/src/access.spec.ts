import { describe, expect, it } from 'vitest';
import { type Access, allows } from './access.js';
import type { Caller } from './caller.js';
import { type Role, ROLE_SCOPES, SCOPES, type Scope } from './roles.js';

const EVERY: Access[] = ['public', 'member', 'owner', 'ops', ...SCOPES];

/** The contract, written out once more: what each role may do besides what is public. */
const MAY: Record<Role, Access[]> = {
  owner: [
    ...(['member', 'owner', 'messages:read', 'messages:write', 'templates:read', 'templates:write'] as const),
    ...(['media:read', 'media:write', 'catalog:read', 'catalog:write', 'orders:read', 'orders:write'] as const),
    ...(['deliveries:read', 'deliveries:write', 'payments:read', 'payments:write', 'webhooks:read', 'webhooks:write'] as const),
    ...(['channels:read', 'channels:write', 'events:read', 'audit:read'] as const),
  ],
  agent: [
    ...(['member', 'messages:read', 'messages:write', 'templates:read', 'media:read', 'media:write'] as const),
    ...(['catalog:read', 'catalog:write', 'orders:read', 'orders:write', 'deliveries:read', 'deliveries:write'] as const),
    ...(['payments:read', 'payments:write', 'channels:read', 'events:read'] as const),
  ],
  driver: ['member', 'deliveries:read', 'deliveries:write'],
  ops: ['member', 'ops'],
};
const ROLES = Object.keys(MAY) as Role[];

const person = (role: Role): Caller => ({
  merchantId: 'm',
  id: 'u',
  kind: 'user',
  role,
  scopes: ROLE_SCOPES[role],
  plan: 'standard',
});
const key = (...scopes: Scope[]): Caller => ({
  merchantId: 'm',
  id: 'k',
  kind: 'key',
  scopes: new Set(scopes),
  plan: 'standard',
});

describe('people', () => {
  it.each(ROLES.flatMap((role) => EVERY.map((access) => [role, access] as const)))('%s: %s', (role, access) => {
    expect(allows(access, person(role))).toBe(access === 'public' || MAY[role].includes(access));
  });

  it('every scope is somebody’s', () => {
    expect([...ROLE_SCOPES.owner].toSorted()).toEqual([...SCOPES].toSorted());
  });

  it('nobody but an owner may do what only owners may, and nobody but ops what is the platform’s', () => {
    expect(ROLES.filter((role) => allows('owner', person(role)))).toEqual(['owner']);
    expect(ROLES.filter((role) => allows('ops', person(role)))).toEqual(['ops']);
  });
});

describe('API keys', () => {
  it.each(SCOPES.flatMap((scope) => EVERY.map((access) => [scope, access] as const)))('with %s: %s', (scope, access) => {
    expect(allows(access, key(scope))).toBe(access === 'public' || access === scope);
  });

  it.each(EVERY)('with no scope: %s', (access) => {
    expect(allows(access, key())).toBe(access === 'public');
  });

  it.each(EVERY)('with every scope, what is for people alone stays closed: %s', (access) => {
    expect(allows(access, key(...SCOPES))).toBe(!['member', 'owner', 'ops'].includes(access));
  });
});
