import { AppError, ValidationError } from '@soko/common';

export class TemplateNotFoundError extends AppError {
  constructor(name: string) {
    super(404, 'template_not_found', `There is no active template "${name}"; GET /api/templates lists them.`);
  }
}
export class TemplateVariablesError extends ValidationError {
  constructor(missing: string[]) {
    super(
      missing.map((name) => ({ path: `variables.${name}`, code: 'missing', message: `the template needs a value for ${name}` })),
    );
  }
}
