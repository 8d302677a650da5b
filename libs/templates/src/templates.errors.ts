import { AppError } from '@soko/common';

export class TemplateNotFoundError extends AppError {
  /** @param languages in which there is one, none of which was wanted */
  constructor(name: string, languages: string[] = []) {
    const help =
      languages.length > 0
        ? `there is one in ${languages.join(', ')}: name one of them in language, or add the missing one with POST /api/templates`
        : 'GET /api/templates lists those that there are';
    super(404, 'template_not_found', `There is no template "${name}" for this language; ${help}.`);
  }
}
export class TemplateNotActiveError extends AppError {
  constructor(name: string, language: string, status: string) {
    const text = `The template "${name}" (${language}) is ${status === 'draft' ? 'a draft' : status}`;
    super(409, 'template_not_active', `${text} and so cannot be sent; PATCH its status to active first.`);
  }
}
export class TemplateExistsError extends AppError {
  constructor(name: string, language: string) {
    super(
      409,
      'template_exists',
      `There is a template "${name}" in ${language} already; change that one, or choose another name.`,
    );
  }
}
export class TemplateChangedError extends AppError {
  constructor(version: number, reason = 'was changed meanwhile') {
    super(409, 'template_changed', `The template ${reason} and is at version ${version} now; read it again, then change that.`);
  }
}
export class TemplateVersionNotFoundError extends AppError {
  constructor(version: number) {
    super(
      404,
      'template_version_not_found',
      `The template has no version ${version}; GET /api/templates/:id/versions lists them.`,
    );
  }
}
