import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { newId, validateInput } from '@soko/common';
import { isUniqueViolation, runCommand } from '@soko/database';
import { CreateUserBody } from './identity.dto.js';
import { Login, User } from './identity.entity.js';
import { hashPassword } from './password.js';
import { PLATFORM_ID } from './roles.js';

const USAGE = 'npm run ops:add -- --email ops@example.com [--name "Farai Dube"] [--password …]';

/** Adds somebody to the platform's own team: the role `ops`, which no merchant can give. */
await runCommand(async ({ tenancy }) => {
  const { values } = parseArgs({
    options: { email: { type: 'string' }, name: { type: 'string', default: 'Ops' }, password: { type: 'string' } },
  });
  if (!values.email) throw new Error(`Say whom to add: ${USAGE}`);
  const password = values.password ?? randomBytes(18).toString('base64url');
  // The same rules as for everybody else; the role is not theirs to name.
  const { email, name } = validateInput(CreateUserBody, { email: values.email, name: values.name, password, role: 'agent' });
  const passwordHash = await hashPassword(password);
  try {
    await tenancy.run(PLATFORM_ID, async (tx) => {
      await tx.query(
        `INSERT INTO merchants (id, name, currency, timezone, locale) VALUES ($1, 'Platform', 'USD', 'UTC', 'en') ON CONFLICT DO NOTHING`,
        [PLATFORM_ID],
      );
      const user = { merchantId: PLATFORM_ID, id: newId(), email, name, role: 'ops' as const };
      await tx.manager.insert(User, user);
      await tx.manager.insert(Login, { email, merchantId: PLATFORM_ID, userId: user.id, passwordHash });
    });
  } catch (error) {
    if (isUniqueViolation(error, 'logins_pkey'))
      throw new Error(`${email} has an account already: choose another e-mail`, { cause: error });
    throw error;
  }
  console.log(`Added ${email}${values.password ? '' : ` with the password ${password} (shown this once)`}`);
});
