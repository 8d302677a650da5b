import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { newId, NotFoundError, type Page, pageOf, type PageQuery, decodeCursor, ValidationError } from '@soko/common';
import { findPage, SystemDb, Tenancy } from '@soko/database';
import type { AdminApiKeyView, AdminKeyQuery, ApiKeyView, CreateApiKeyBody, CreatedApiKeyView } from './api-key.dto.js';
import type { Person } from './caller.js';
import { hashOfKey, KEY_PREFIX } from './credential.service.js';
import { ApiKey } from './identity.entity.js';

/** Keys by which systems call. Shown once, stored as a hash, dead as soon as their row is gone. */
@Injectable()
export class ApiKeyService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly system: SystemDb,
  ) {}

  /** @throws ValidationError when it would be expired from the start */
  async create({ merchantId, id: createdBy }: Person, body: CreateApiKeyBody): Promise<CreatedApiKeyView> {
    const expiresAt = body.expiresAt ? new Date(body.expiresAt) : null;
    if (expiresAt && expiresAt.getTime() <= Date.now())
      throw new ValidationError([{ path: 'expiresAt', code: 'future', message: 'expiresAt must lie in the future' }]);
    const key = `${KEY_PREFIX}${randomBytes(32).toString('base64url')}`;
    const row = {
      merchantId,
      id: newId(),
      name: body.name,
      hint: `${KEY_PREFIX}…${key.slice(-4)}`,
      hash: hashOfKey(key),
      scopes: [...new Set(body.scopes)],
      expiresAt,
      createdBy,
    };
    await this.tenancy.run(merchantId, ({ manager }) => manager.insert(ApiKey, row));
    return { ...view({ ...row, lastUsedAt: null, createdAt: new Date() }), key };
  }

  async list(merchantId: string, query: PageQuery): Promise<Page<ApiKeyView>> {
    return this.tenancy.run(merchantId, (tx) => findPage(tx, ApiKey, query, view));
  }

  /** @throws NotFoundError */
  async revoke(merchantId: string, id: string): Promise<void> {
    const { affected } = await this.tenancy.run(merchantId, ({ manager }) => manager.delete(ApiKey, { merchantId, id }));
    if (affected === 0) throw new NotFoundError('api_key', id);
  }

  /** Of every merchant, or of one: for ops. */
  async listAll(query: AdminKeyQuery): Promise<Page<AdminApiKeyView>> {
    const after = decodeCursor(query.cursor, 'id')?.[0];
    const rows = await this.system.run(async ({ manager }) => {
      const keys = manager
        .createQueryBuilder(ApiKey, 'k')
        .orderBy('k.id')
        .take(query.limit + 1);
      if (query.merchantId) keys.andWhere('k.merchant_id = :merchantId', { merchantId: query.merchantId });
      if (after) keys.andWhere('k.id > :after', { after });
      return keys.getMany();
    });
    return pageOf(
      rows,
      query.limit,
      (row) => ({ ...view(row), merchantId: row.merchantId }),
      (row) => [row.id],
    );
  }

  /** For ops, who know a key by its id alone. @throws NotFoundError */
  async revokeAny(id: string): Promise<void> {
    const revoked = await this.system.run((tx) => tx.query('DELETE FROM api_keys WHERE id = $1 RETURNING id', [id]));
    if (revoked.length === 0) throw new NotFoundError('api_key', id);
  }
}

const view = (row: Omit<ApiKey, 'hash'>): ApiKeyView => ({
  id: row.id,
  name: row.name,
  hint: row.hint,
  scopes: row.scopes,
  ...(row.expiresAt ? { expiresAt: row.expiresAt.toISOString() } : {}),
  ...(row.lastUsedAt ? { lastUsedAt: row.lastUsedAt.toISOString() } : {}),
  createdBy: row.createdBy,
  createdAt: row.createdAt.toISOString(),
});
