export { AppError, NotFoundError, ValidationError, type FieldError } from './errors.js';
export { type Actor, workContext, type WorkContext } from './context.js';
export { backoff, jitter } from './backoff.js';
export { newId, isUuid } from './ids.js';
export { idFloor, timeOf } from './uuid-time.js';
export { Money, MoneyInput } from './money.dto.js';
export { formatMoney, languageTag, multiply, parseAmount, plainAmount, sum } from './money.js';
export { maskPhone, normalisePhone } from './phone.js';
export {
  fieldErrors,
  IsPhone,
  IsTime,
  isTime,
  IsTimeOrId,
  Nested,
  NestedList,
  nestedType,
  Optional,
  storable,
  validateInput,
} from './validation.js';
export { decodeCursor, PageQuery, pageOf, type Page } from './pagination.js';
