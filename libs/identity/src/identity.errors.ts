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
  constructor(scope: string) {
    super(403, 'forbidden', `This needs the scope ${scope}, which your role does not have; ask the owner of the merchant.`);
  }
}
export class EmailTakenError extends AppError {
  constructor() {
    super(409, 'email_taken', 'An account with this e-mail exists; sign in, or register with another one.');
  }
}
