import { ApiClient } from '@soko/testing';

export interface Schema {
  $ref?: string;
  type?: string;
  format?: string;
  pattern?: string;
  enum?: unknown[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  allOf?: Schema[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  additionalProperties?: unknown;
  example?: unknown;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  schema: Schema;
}

interface Content {
  schema: Schema;
  example?: unknown;
  examples?: Record<string, { value: { code: string } }>;
}

export interface Operation {
  id: string;
  method: string;
  path: string;
  /** `public`, `member`, `owner`, `ops` or a scope. */
  access: string;
  security: Record<string, string[]>[];
  parameters: Parameter[];
  body?: Content;
  responses: Record<string, { content?: Record<string, Content> }>;
}

/** The api's own description of itself, as a client finds it. */
export interface ApiDocument {
  operations: Operation[];
  resolve: (schema: Schema) => Schema;
}

export async function readDocument(baseUrl: string): Promise<ApiDocument> {
  const document = await new ApiClient(baseUrl).ok<{
    paths: Record<string, Record<string, Record<string, unknown>>>;
    components: { schemas: Record<string, Schema> };
  }>('GET', '/docs-json');
  const resolve = (schema: Schema): Schema => {
    if (schema.$ref) return resolve(document.components.schemas[schema.$ref.split('/').at(-1)!]!);
    return schema.allOf ? resolve(schema.allOf[0]!) : schema;
  };
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      id: operation.operationId as string,
      method: method.toUpperCase(),
      path,
      access: operation['x-access'] as string,
      security: operation.security as Operation['security'],
      parameters: (operation.parameters ?? []) as Parameter[],
      body: (operation.requestBody as { content: Record<string, Content> } | undefined)?.content['application/json'],
      responses: operation.responses as Operation['responses'],
    })),
  );
  return { operations, resolve };
}

/** The operation's path with every parameter filled in: from `values`, else from its example. */
export function pathOf(operation: Operation, values: Record<string, string> = {}): string {
  return operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const parameter = operation.parameters.find((each) => each.in === 'path' && each.name === name);
    return encodeURIComponent(values[name] ?? String(parameter?.schema.example));
  });
}

/** Whether the operation says that it may answer so. */
export function documents(operation: Operation, status: number, code?: string): boolean {
  const response = operation.responses[status];
  const problems = response?.content?.['application/problem+json'];
  if (!problems) return response !== undefined;
  return Object.values(problems.examples ?? {}).some(({ value }) => value.code === code);
}
