import { nestedType } from '@soko/common';
import { getMetadataStorage } from 'class-validator';
import type { EventDef } from './event.js';

export interface JsonSchema {
  $schema?: string;
  title?: string;
  type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  description?: string;
  format?: string;
  pattern?: string;
  const?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  required?: string[];
}

type Rule = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];

/** What each rule says in a schema. Events are made of these; of another one nobody would know what to tell partners. */
const RULES: Record<string, (constraints: unknown[]) => JsonSchema> = {
  isString: () => ({ type: 'string' }),
  isBoolean: () => ({ type: 'boolean' }),
  isInt: () => ({ type: 'integer' }),
  isObject: () => ({ type: 'object' }),
  isArray: () => ({ type: 'array' }),
  isUuid: () => ({ type: 'string', format: 'uuid' }),
  isTime: () => ({ type: 'string', format: 'date-time' }),
  isPhone: () => ({ type: 'string', pattern: '^\\+[1-9][0-9]{1,14}$' }),
  isIn: ([values]) => ({ type: 'string', enum: values as string[] }),
  isLength: ([least, most]) => ({ type: 'string', minLength: least as number, maxLength: most as number }),
  matches: ([pattern]) => ({ type: 'string', pattern: (pattern as RegExp).source }),
  min: ([least]) => ({ minimum: least as number }),
  max: ([most]) => ({ maximum: most as number }),
  arrayMinSize: ([least]) => ({ minItems: least as number }),
  arrayMaxSize: ([most]) => ({ maxItems: most as number }),
};

/**
 * The JSON Schema (2020-12) of an event as it is delivered, made of the rules on the class of its data. Unlike that class it lets
 * unknown fields pass: what is added tomorrow must not break who checks against the schema of today.
 */
export const schemaOf = (event: EventDef): JsonSchema => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: event.type,
  description: event.description,
  type: 'object',
  properties: {
    id: { type: 'string', format: 'uuid', description: 'The same however often the event is delivered.' },
    type: { const: event.type },
    timestamp: { type: 'string', format: 'date-time', description: 'When it happened.' },
    merchantId: { type: 'string', format: 'uuid' },
    data: schemaOfClass(event.data),
  },
  required: ['id', 'type', 'timestamp', 'merchantId', 'data'],
});

function schemaOfClass(type: new () => object): JsonSchema {
  const fields = new Map<string, Rule[]>();
  for (const rule of rulesOf(type)) fields.set(rule.propertyName, [...(fields.get(rule.propertyName) ?? []), rule]);
  const words = descriptionsOf(type);
  const properties: Record<string, JsonSchema> = {};
  for (const [field, rules] of fields) {
    const description = words.get(field);
    properties[field] = { ...schemaOfField(type, field, rules), ...(description ? { description } : {}) };
  }
  const optional = (rules: Rule[]) => rules.some((rule) => rule.type === 'conditionalValidation');
  const required = [...fields].filter(([, rules]) => !optional(rules)).map(([field]) => field);
  return { type: 'object', properties, required };
}

/** In the order of the fields, those of a base class first. */
function rulesOf(type: new () => object): Rule[] {
  const depth = (at: object | null): number => (at ? 1 + depth(Object.getPrototypeOf(at) as object | null) : 0);
  const rules = getMetadataStorage().getTargetValidationMetadatas(type, '', false, false);
  return rules.toSorted((one, other) => depth(one.target as object) - depth(other.target as object));
}

/** @throws Error for a rule that has no counterpart here. */
function schemaOfField(type: new () => object, field: string, rules: Rule[]): JsonSchema {
  const whole: JsonSchema = {};
  const each: JsonSchema = {};
  for (const rule of rules) {
    if (rule.type === 'conditionalValidation') continue;
    const part = rule.each ? each : whole;
    if (rule.type === 'nestedValidation') Object.assign(part, schemaOfClass(nestedType(type, field)));
    else {
      const fact = RULES[rule.name ?? ''];
      if (!fact)
        throw new Error(`${type.name}.${field}: the rule ${rule.name} has no counterpart in JSON Schema: add it to RULES`);
      Object.assign(part, fact(rule.constraints ?? []));
    }
  }
  return whole.type === 'array' ? { ...whole, items: each } : whole;
}

interface Documented {
  _OPENAPI_METADATA_FACTORY?: () => Record<string, { description?: string }>;
}

/** The comments of fields, which the build keeps on the class for Swagger. From the sources there are none. */
function descriptionsOf(type: (new () => object) & Documented): Map<string, string> {
  const words = new Map<string, string>();
  for (let at = type; at?.prototype; at = Object.getPrototypeOf(at) as typeof at) {
    const own = Object.hasOwn(at, '_OPENAPI_METADATA_FACTORY') ? at._OPENAPI_METADATA_FACTORY!() : {};
    for (const [field, { description }] of Object.entries(own)) {
      if (description && !words.has(field)) words.set(field, description);
    }
  }
  return words;
}
