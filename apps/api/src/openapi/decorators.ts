import { applyDecorators, SetMetadata, type Type } from '@nestjs/common';
import { ApiExtraModels } from '@nestjs/swagger';
import type { AppError } from '@soko/common';

export const PAGE_OF = Symbol('page of');
export const FAILS = Symbol('fails');

/** The route answers with a page of `view`: its return type, `Promise<Page<View>>`, is gone when the documentation is made. */
export const Paged = (view: Type) => applyDecorators(ApiExtraModels(view), SetMetadata(PAGE_OF, view.name));

/**
 * What the route may refuse besides what every route may (no login, no rights, input, a missing id, too many calls): one example
 * of each error, as the documentation shows it.
 */
export const Fails = (...errors: AppError[]) => SetMetadata(FAILS, errors);
