import { Injectable } from '@nestjs/common';
import { newId, NotFoundError, type Page, type PageQuery } from '@soko/common';
import { findPage, isUniqueViolation, Tenancy, type TenantTx } from '@soko/database';
import { setPassword } from './auth.service.js';
import type { CreateUserBody, TeamUserView, UpdateUserBody } from './identity.dto.js';
import { Login, User } from './identity.entity.js';
import { EmailTakenError, LastOwnerError } from './identity.errors.js';
import { hashPassword } from './password.js';

/** A merchant's team. */
@Injectable()
export class TeamService {
  constructor(private readonly tenancy: Tenancy) {}

  async list(merchantId: string, query: PageQuery): Promise<Page<TeamUserView>> {
    return this.tenancy.run(merchantId, (tx) => findPage(tx, User, query, view));
  }

  /** Whoever of the team has this id. */
  async find(tx: TenantTx, id: string): Promise<TeamUserView | undefined> {
    const user = await tx.manager.findOneBy(User, { merchantId: tx.merchantId, id });
    return user ? view(user) : undefined;
  }

  /** @throws EmailTakenError */
  async add(merchantId: string, body: CreateUserBody): Promise<TeamUserView> {
    const passwordHash = await hashPassword(body.password);
    const { email, name, role } = body;
    const user = { merchantId, id: newId(), email, name, role };
    try {
      await this.tenancy.run(merchantId, async ({ manager }) => {
        await manager.insert(User, user);
        await manager.insert(Login, { email, merchantId, userId: user.id, passwordHash });
      });
    } catch (error) {
      if (isUniqueViolation(error, 'logins_pkey')) throw new EmailTakenError();
      throw error;
    }
    return view({ ...user, createdAt: new Date() });
  }

  /** A new role counts from the next call on; a new password ends the person's sessions. @throws NotFoundError, LastOwnerError */
  async update(merchantId: string, id: string, body: UpdateUserBody): Promise<TeamUserView> {
    const { password, ...changes } = body;
    const passwordHash = password === undefined ? undefined : await hashPassword(password);
    return this.tenancy.run(merchantId, async (tx) => {
      if (changes.role && changes.role !== 'owner') await keepAnOwner(tx, id);
      if (Object.keys(changes).length > 0) await tx.manager.update(User, { merchantId, id }, changes);
      const user = await tx.manager.findOneBy(User, { merchantId, id });
      if (!user) throw new NotFoundError('user', id);
      if (passwordHash) await setPassword(tx, id, passwordHash);
      return view(user);
    });
  }

  /** Their login and sessions go with them. @throws NotFoundError, LastOwnerError */
  async remove(merchantId: string, id: string): Promise<void> {
    await this.tenancy.run(merchantId, async (tx) => {
      await keepAnOwner(tx, id);
      const { affected } = await tx.manager.delete(User, { merchantId, id });
      if (affected === 0) throw new NotFoundError('user', id);
    });
  }
}

/** Locks the owners, so that two of them cannot remove each other at once. */
async function keepAnOwner(tx: TenantTx, leaving: string): Promise<void> {
  const owners = await tx.query<{ id: string }>(
    `SELECT id FROM users WHERE merchant_id = $1 AND role = 'owner' ORDER BY id FOR UPDATE`,
    [tx.merchantId],
  );
  if (owners.length === 1 && owners[0]!.id === leaving) throw new LastOwnerError();
}

const view = ({ id, email, name, role, createdAt }: Omit<User, 'passwordChangedAt'>): TeamUserView => ({
  id,
  email,
  name,
  role,
  createdAt: createdAt.toISOString(),
});
