import { AppError } from '@soko/common';

export class UnauthenticatedError extends AppError {
  constructor(detail: string) {
    super(401, 'unauthenticated', detail);
  }
}
export class InvalidCredentialsError extends AppError {
  constructor() {
    super(401, 'invalid_credentials', 'No account has this e-mail and password.');
  }
}
export class ForbiddenError extends AppError {
  constructor(access: string | undefined, caller: 'user' | 'key') {
    const needed = access?.includes(':') ? `the scope ${access}` : `the role ${access}`;
    const detail =
      caller === 'user'
        ? `This needs ${needed}, which you do not have; ask the owner of the merchant.`
        : access?.includes(':')
          ? `This needs ${needed}, which this API key does not have; make a key that has it.`
          : 'This is for people who have signed in (POST /api/auth/login), and not for API keys.';
    super(403, 'forbidden', detail);
  }
}
export class TooManyTriesError extends AppError {
  constructor(seconds: number) {
    super(429, 'too_many_tries', `Too many wrong passwords for this account; try again in ${seconds} s.`, undefined, seconds);
  }
}
export class LastOwnerError extends AppError {
  constructor() {
    super(409, 'last_owner', 'This is the last owner of the merchant; make somebody else an owner first.');
  }
}
export class EmailTakenError extends AppError {
  constructor() {
    super(409, 'email_taken', 'An account with this e-mail exists; sign in, or register with another one.');
  }
}
