import { RequestMethod } from '@nestjs/common';
import { METHOD_METADATA } from '@nestjs/common/constants.js';
import type { OpenAPIObject } from '@nestjs/swagger';
import { AppError, NotFoundError, ValidationError } from '@soko/common';
import { type Access, ACCESS, ForbiddenError, UnauthenticatedError } from '@soko/identity';
import { CONTROLLERS } from '../controllers.js';
import { isOutsideUnits } from '../idempotency.interceptor.js';
import { InProgressError, KeyReusedError } from '../once-per-key.js';
import { type Problem, problemOf, TITLES } from '../problem.js';
import { TooManyRequestsError } from '../rate-limit.guard.js';
import { FAILS, PAGE_OF } from './decorators.js';
import { completeParameter } from './schemas.js';
import { exampleOf, SAMPLE_ID, type Schema, type SchemaObject } from './examples.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']> & { 'x-access'?: Access };
interface Content {
  schema?: Schema;
  example?: unknown;
  examples?: Record<string, { summary: string; value: Problem }>;
}
interface Body {
  description?: string;
  content?: Record<string, Content>;
}
export const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** The method behind an operation, by the id that `operationId` gave it. */
export const operationId = (controller: string, method: string): string =>
  `${controller.replace(/Controller$/, '').replace(/^./, (letter) => letter.toLowerCase())}_${method}`;

interface Handler {
  access: Access;
  pageOf?: string;
  fails: AppError[];
  /** Takes an idempotency key. */
  keyed: boolean;
  /** Classes of its parameters, the query's among them. */
  types: string[];
}

/** What each route declares, by operation id. */
export function handlers(): Map<string, Handler> {
  const found = new Map<string, Handler>();
  for (const controller of CONTROLLERS) {
    const prototype = controller.prototype as Record<string, () => unknown>;
    for (const name of Object.getOwnPropertyNames(prototype)) {
      const method = prototype[name]!;
      const of = <T>(key: symbol | string): T | undefined =>
        (Reflect.getMetadata(key, method) ?? Reflect.getMetadata(key, controller)) as T | undefined;
      const access = of<Access>(ACCESS);
      if (name === 'constructor' || !access) continue;
      const fails = of<AppError[]>(FAILS) ?? [];
      const types = (Reflect.getMetadata('design:paramtypes', prototype, name) as { name: string }[]).map((type) => type.name);
      const post = Reflect.getMetadata(METHOD_METADATA, method) === RequestMethod.POST;
      const keyed = post && access !== 'public' && !isOutsideUnits(method);
      found.set(operationId(controller.name, name), { access, fails, keyed, types, pageOf: of(PAGE_OF) });
    }
  }
  return found;
}

/** Completes one operation: who may call it, what it answers, what it refuses, each with an example. */
export function completeOperation(document: OpenAPIObject, path: string, operation: Operation, handler: Handler): void {
  const { access } = handler;
  operation['x-access'] = access;
  operation.security = access === 'public' ? [] : [{ bearer: [] }, ...(access.includes(':') ? [{ apiKey: [] }] : [])];
  operation.description = [operation.description, `**Access:** ${ACCESS_TEXT[access] ?? `scope \`${access}\``}.`]
    .filter(Boolean)
    .join('\n\n');
  if (handler.keyed) operation.parameters = [...(operation.parameters ?? []), IDEMPOTENCY_KEY];
  for (const parameter of operation.parameters ?? []) {
    if (!('in' in parameter)) continue;
    const schema = parameter.schema as SchemaObject | undefined;
    if (parameter.in === 'query') handler.types.forEach((type) => completeParameter(type, parameter));
    if (parameter.in === 'query' && schema?.default !== undefined) parameter.required = false;
    if (parameter.in === 'query' && !parameter.required && schema?.example !== undefined) {
      // Swagger UI would fill it in, and the newcomer's first try would filter by it.
      parameter.description = `${parameter.description ?? ''} For example \`${String(schema.example)}\`.`.trim();
      delete schema.example;
    }
  }
  const responses = operation.responses as Record<string, Body>;
  if (handler.pageOf) responses['200'] = { description: '', content: json({ schema: pageSchema(handler.pageOf) }) };
  for (const [status, response] of Object.entries(responses)) {
    response.description ||= SUCCESS[status] ?? TITLES[Number(status)] ?? '';
    for (const content of Object.values(response.content ?? {}))
      content.example ??= exampleOf(document, content.schema!, false, nameOf(content));
  }
  const form = (operation.requestBody as Body | undefined)?.content?.['multipart/form-data'];
  if (form) form.schema = FORM;
  const body = (operation.requestBody as Body | undefined)?.content?.['application/json'];
  if (body) body.example ??= exampleOf(document, body.schema!, true, nameOf(body));
  for (const [status, problems] of refusals(document, path, operation, handler)) {
    responses[status] = { ...problemBody(problems), ...(status === 429 ? { headers: RETRY_AFTER } : {}) };
  }
}

/** Every error that the operation may answer with, by status. */
function refusals(document: OpenAPIObject, path: string, operation: Operation, { access, fails, keyed }: Handler) {
  const parameters = (operation.parameters ?? []).filter((each) => 'in' in each);
  const instance = path.replaceAll(/\{\w+\}/g, SAMPLE_ID);
  const errors: unknown[] = [...fails];
  if (access !== 'public') {
    errors.push(
      new UnauthenticatedError('The access token is not valid or has expired; sign in again with POST /api/auth/login.'),
    );
    errors.push(new ForbiddenError(access, 'user'));
  }
  const owner = /\/([a-z-]+)\/\{\w+\}/.exec(path)?.[1];
  if (owner) errors.push({ statusCode: 414 });
  // What is public stands below no name of ours and says itself what is not found.
  if (owner && access !== 'public') errors.push(new NotFoundError(singular(owner).replaceAll('-', '_'), SAMPLE_ID));
  if (operation.requestBody || parameters.length > 0) {
    const field = firstField(document, operation) ?? parameters[0]!.name;
    errors.push(new ValidationError([{ path: field, code: 'isString', message: `${field} must be a string` }]));
  }
  if (operation.requestBody) errors.push({ statusCode: 400 }, { statusCode: 413 }, { statusCode: 415 });
  if (keyed) errors.push(new InProgressError(7), new KeyReusedError());
  if (!path.startsWith('/health')) errors.push(new TooManyRequestsError('requests of this merchant in 15 minutes', 6_000, 420));
  errors.push({ statusCode: 500 });

  const byStatus = new Map<number, Problem[]>();
  for (const error of errors) {
    const problem = problemOf(error, instance, SAMPLE_ID);
    const known = byStatus.get(problem.status) ?? [];
    byStatus.set(problem.status, [...known, problem]);
  }
  return byStatus;
}

function firstField(document: OpenAPIObject, operation: Operation): string | undefined {
  const content = (operation.requestBody as Body | undefined)?.content?.['application/json'];
  const example = content?.schema && exampleOf(document, content.schema, true, nameOf(content));
  return example && typeof example === 'object' ? Object.keys(example)[0] : undefined;
}

const singular = (name: string): string => name.replace(/ies$/, 'y').replace(/s$/, '');
const nameOf = ({ schema }: Content): string => (schema && '$ref' in schema ? schema.$ref.split('/').at(-1)! : 'the answer');
const json = (content: Content): Record<string, Content> => ({ 'application/json': content });

function problemBody(problems: Problem[]): Body {
  // Several errors of one code differ in their words.
  const examples = Object.fromEntries(
    problems.map((value, index) => {
      const again = problems.findIndex((each) => each.code === value.code) < index;
      return [again ? `${value.code}_${index}` : value.code, { summary: value.code, value }];
    }),
  );
  const codes = [...new Set(problems.map(({ code }) => `\`${code}\``))].join(', ');
  return {
    description: `${TITLES[problems[0]!.status] ?? 'Error'}: ${codes}`,
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' }, examples } },
  };
}

const pageSchema = (view: string): SchemaObject => ({
  type: 'object',
  required: ['data', 'pagination'],
  properties: {
    data: { type: 'array', items: { $ref: `#/components/schemas/${view}` } },
    pagination: { $ref: '#/components/schemas/Pagination' },
  },
});

const ACCESS_TEXT: Partial<Record<Access, string>> = {
  public: 'everybody',
  member: 'people who are signed in, whatever their role',
  owner: 'role `owner`; not for API keys',
  ops: 'role `ops`; not for API keys',
};

const SUCCESS: Record<string, string> = { 200: 'OK', 201: 'Created', 202: 'Accepted', 204: 'Done', 503: 'A part is away' };

const RETRY_AFTER = { 'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer' as const }, example: 420 } };

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header' as const,
  required: false,
  description:
    'Makes the call happen once: the same key with the same request gets the first answer again, with `Idempotent-Replayed: true`. Kept 24 hours. For example a UUID.',
  schema: { type: 'string' as const, minLength: 1, maxLength: 255 },
};

/** An upload by a form. */
const FORM: SchemaObject = {
  type: 'object',
  required: ['file'],
  properties: { file: { type: 'string', format: 'binary' } },
};

/** Schemas that no class stands for. */
export const SHARED_SCHEMAS: Record<string, SchemaObject> = {
  Problem: {
    type: 'object',
    description: 'RFC 9457. `code` is stable; `detail` tells what to do; quote `traceId` when you ask for help.',
    required: ['type', 'title', 'status', 'detail', 'code', 'instance', 'traceId'],
    properties: {
      type: { type: 'string' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string' },
      code: { type: 'string' },
      instance: { type: 'string' },
      traceId: { type: 'string' },
      errors: {
        type: 'array',
        items: {
          type: 'object',
          required: ['path', 'code', 'message'],
          properties: { path: { type: 'string' }, code: { type: 'string' }, message: { type: 'string' } },
        },
      },
    },
  },
  Pagination: {
    type: 'object',
    required: ['limit', 'hasMore'],
    properties: {
      limit: { type: 'integer', example: 50 },
      hasMore: { type: 'boolean', example: true },
      nextCursor: {
        type: 'string',
        description: 'Give it as `cursor` to read on.',
        example: 'WyIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEiXQ',
      },
      offset: { type: 'integer', description: 'Where a list by offset began.', example: 0 },
    },
  },
};
