import { ValidationError, validateInput } from '@soko/common';
import { describe, expect, it } from 'vitest';
import { CreateApiKeyBody } from './api-key.dto.js';
import { ChangePasswordBody, CreateUserBody, LoginBody, RegisterBody, UpdateUserBody } from './identity.dto.js';
import { ChangePlanBody, UpdateMerchantBody } from './merchant.dto.js';
import { SCOPES } from './roles.js';

const pathsOf = (type: new () => object, value: object): string[] => {
  try {
    validateInput(type, value);
  } catch (error) {
    if (error instanceof ValidationError) return [...new Set(error.errors!.map(({ path }) => path))];
    throw error;
  }
  return [];
};
const MEMBER = { email: 'farai@example.com', name: 'Farai Dube', role: 'agent', password: 'correct-horse' };
const monday = (...spans: unknown[]) => ({ openingHours: { monday: spans } });
const MULTI_BYTE = 'é'.repeat(37);

describe('an e-mail', () => {
  it.each([
    [LoginBody, { password: 'x' }],
    [CreateUserBody, MEMBER],
    [RegisterBody, { password: 'correct-horse', name: 'T', merchant: { name: 'M' } }],
  ] as const)('is one and the same however it is spelled: %o', (type, rest) => {
    const body = validateInput<{ email: string }>(type, { ...rest, email: ' Farai.Dube@Example.COM ' });
    expect(body.email).toBe('farai.dube@example.com');
  });

  it.each(['', 'farai', 'farai@', '@example.com', 'a b@example.com', 5, null, ['farai@example.com']])(
    'is an address: not %j',
    (email) => {
      expect(pathsOf(LoginBody, { email, password: 'x' })).toEqual(['email']);
    },
  );
});

describe('a password over 72 bytes', () => {
  it.each([
    ['register', RegisterBody, { email: 'a@example.com', name: 'T', merchant: { name: 'M' }, password: MULTI_BYTE }, 'password'],
    ['change it', ChangePasswordBody, { currentPassword: 'correct-horse', newPassword: MULTI_BYTE }, 'newPassword'],
    ['add somebody', CreateUserBody, { ...MEMBER, password: MULTI_BYTE }, 'password'],
    ['set somebody’s', UpdateUserBody, { password: MULTI_BYTE }, 'password'],
  ] as const)('cannot be set: %s', (_, type, body, path) => {
    expect(pathsOf(type, body)).toEqual([path]);
  });
});

describe('a role', () => {
  it.each(['owner', 'agent', 'driver'])('of the team is %s', (role) => {
    expect(pathsOf(CreateUserBody, { ...MEMBER, role })).toEqual([]);
    expect(pathsOf(UpdateUserBody, { role })).toEqual([]);
  });

  it.each(['ops', 'Owner', '', null, ['owner']])('cannot be given: %j', (role) => {
    expect(pathsOf(CreateUserBody, { ...MEMBER, role })).toEqual(['role']);
    expect(pathsOf(UpdateUserBody, { role })).toEqual(['role']);
  });
});

describe('scopes of a key', () => {
  it('are one or more of those there are', () => {
    expect(pathsOf(CreateApiKeyBody, { name: 'Books', scopes: [...SCOPES] })).toEqual([]);
  });

  it.each([[[]], [['orders:delete']], [['orders:read', 'owner']], ['orders:read'], [[['orders:read']]], [null], [undefined]])(
    'are not %j',
    (scopes) => {
      expect(pathsOf(CreateApiKeyBody, { name: 'Books', scopes })).toEqual(['scopes']);
    },
  );
});

describe('opening hours', () => {
  it.each([
    {},
    { monday: [] },
    { monday: [{ from: '08:00', to: '17:30' }] },
    { saturday: [{ from: '00:00', to: '24:00' }] },
    { sunday: Array.from({ length: 4 }, () => ({ from: '08:00', to: '09:00' })) },
  ])('may be %j', (openingHours) => {
    expect(pathsOf(UpdateMerchantBody, { openingHours })).toEqual([]);
  });

  it.each([
    ['openingHours.monday.0.from', monday({ from: '8:00', to: '17:30' })],
    ['openingHours.monday.0.from', monday({ from: '24:00', to: '24:00' })],
    ['openingHours.monday.0.from', monday({ to: '17:30' })],
    ['openingHours.monday.0.to', monday({ from: '08:00', to: '24:01' })],
    ['openingHours.monday.1.to', monday({ from: '08:00', to: '12:00' }, { from: '13:00', to: '17:60' })],
    ['openingHours.monday.0.closed', monday({ from: '08:00', to: '17:30', closed: true })],
    ['openingHours.monday', monday(...Array.from({ length: 5 }, () => ({ from: '08:00', to: '09:00' })))],
    ['openingHours.monday', monday('08:00-17:30')],
    ['openingHours.monday', { openingHours: { monday: { from: '08:00', to: '17:30' } } }],
    ['openingHours.monday', { openingHours: { monday: null } }],
    ['openingHours.funday', { openingHours: { funday: [] } }],
    ['openingHours', { openingHours: [] }],
    ['openingHours', { openingHours: null }],
  ])('are refused at %s: %j', (path, body) => {
    expect(pathsOf(UpdateMerchantBody, body)).toContain(path);
  });
});

describe('a merchant', () => {
  it.each(['currency', 'plan', 'id', 'createdAt', 'limits'])('cannot change its %s', (field) => {
    expect(pathsOf(UpdateMerchantBody, { [field]: 'USD' })).toEqual([field]);
  });

  it.each([
    ['timezone', 'Africa/Nowhere'],
    ['locale', 'no locale'],
    ['name', ''],
    ['name', null],
  ])('is not taken with the %s %j', (field, value) => {
    expect(pathsOf(UpdateMerchantBody, { [field]: value })).toEqual([field]);
  });

  it('has the plan trial or standard', () => {
    for (const plan of ['trial', 'standard']) expect(pathsOf(ChangePlanBody, { plan })).toEqual([]);
    for (const plan of ['gold', '', null, undefined]) expect(pathsOf(ChangePlanBody, { plan })).toEqual(['plan']);
  });
});
