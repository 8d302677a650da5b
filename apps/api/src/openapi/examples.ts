import type { OpenAPIObject } from '@nestjs/swagger';

export const SAMPLE_ID = '01990000-0000-7000-8000-000000000001';
export const SAMPLE_TIME = '2026-11-24T09:30:00.000Z';
const BY_FORMAT: Record<string, unknown> = { uuid: SAMPLE_ID, 'date-time': SAMPLE_TIME };

/** A schema, or a reference to one that stands elsewhere in the document. */
export type Schema = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];
export type SchemaObject = Exclude<Schema, { $ref: string }>;

export function resolve(document: OpenAPIObject, schema: Schema): SchemaObject {
  if (!('$ref' in schema)) return schema;
  const name = schema.$ref.split('/').at(-1)!;
  return resolve(document, document.components!.schemas![name]!);
}

/**
 * A value that fits `schema`, made of the examples of its parts. Answers show all fields; requests (`asked`) those that are
 * required, and of the others those that come with an example.
 * @param place what the value is of, for the error. @throws Error naming a field that nothing is known of.
 */
export function exampleOf(document: OpenAPIObject, given: Schema, asked: boolean, place: string): unknown {
  const schema = resolve(document, given);
  if (schema.example !== undefined) return schema.example;
  if (schema.enum) return schema.enum[0];
  if (schema.allOf) return exampleOf(document, schema.allOf[0]!, asked, place);
  if (schema.type === 'array') {
    const count = Math.max(1, schema.minItems ?? 1);
    return Array.from({ length: count }, () => exampleOf(document, schema.items!, asked, `${place}[]`));
  }
  if (schema.properties) {
    const shown = Object.entries(schema.properties).filter(
      ([name, part]) => !asked || schema.required?.includes(name) || resolve(document, part).example !== undefined,
    );
    return Object.fromEntries(shown.map(([name, part]) => [name, exampleOf(document, part, asked, `${place}.${name}`)]));
  }
  if (schema.format && schema.format in BY_FORMAT) return BY_FORMAT[schema.format];
  if (schema.default !== undefined) return schema.default;
  throw new Error(`${place} has no example: add "@example …" to the comment of the field (in quotes when it has spaces)`);
}
