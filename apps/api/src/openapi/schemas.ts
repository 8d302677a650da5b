import type { OpenAPIObject } from '@nestjs/swagger';
import { getMetadataStorage } from 'class-validator';
import { resolve, type Schema, type SchemaObject } from './examples.js';

type ValidationMetadata = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];

type Facts = (constraints: unknown[]) => Partial<SchemaObject>;

/** What our rules mean in a schema, where the compiler's plugin does not know: those that are made of several, and our own. */
const RULES: Record<string, Facts> = {
  isInt: () => ({ type: 'integer' }),
  isPhone: () => ({ format: 'phone', example: '+263771234567' }),
  isTime: () => ({ format: 'date-time' }),
  isLatitude: () => ({ minimum: -90, maximum: 90 }),
  isLongitude: () => ({ minimum: -180, maximum: 180 }),
  arrayMinSize: ([count]) => ({ minItems: count as number }),
  arrayMaxSize: ([count]) => ({ maxItems: count as number }),
  isLength: ([minLength, maxLength]) => ({ minLength: minLength as number, maxLength: maxLength as number }),
  matches: ([pattern]) => ({ pattern: (pattern as RegExp).source }),
};

/** Classes that carry rules, by name. */
function checkedClasses(): Map<string, ValidationMetadata[]> {
  // The storage has no public list of its classes.
  const { validationMetadatas } = getMetadataStorage() as unknown as {
    validationMetadatas: Map<new () => object, ValidationMetadata[]>;
  };
  const classes = [...validationMetadatas.keys()];
  return new Map(classes.map((type) => [type.name, getMetadataStorage().getTargetValidationMetadatas(type, '', false, false)]));
}

/** Completes what the plugin made of our classes: bounds, formats, and that unknown fields are refused. */
export function completeSchemas(document: OpenAPIObject): void {
  const checked = checkedClasses();
  for (const [name, each] of Object.entries(document.components?.schemas ?? {})) {
    const schema = resolve(document, each);
    const rules = checked.get(name);
    if (rules) {
      schema.additionalProperties = false;
      for (const rule of rules) apply(rule, schema.properties?.[rule.propertyName]);
    }
    for (const [field, part] of Object.entries(schema.properties ?? {})) {
      if ('$ref' in part || part.type !== 'string' || part.format || part.example !== undefined) continue;
      // House names: an id is a UUID, and what ends in At a time.
      if (/(^id|Id)$/.test(field) && field !== 'waMessageId') part.format = 'uuid';
      if (/(^at|At)$/.test(field)) part.format = 'date-time';
    }
  }
}

/** The same for the parameters of a query, which come as parts of `type`. */
export function completeParameter(type: string, parameter: { name: string; schema?: Schema }): void {
  for (const rule of checkedClasses().get(type) ?? []) {
    if (rule.propertyName === parameter.name) apply(rule, parameter.schema);
  }
}

function apply(rule: ValidationMetadata, property: Schema | undefined): void {
  const facts = rule.name && RULES[rule.name]?.(rule.constraints ?? []);
  if (!facts || !property || '$ref' in property) return;
  const part = rule.each ? property.items : property;
  if (!part || '$ref' in part) return;
  for (const [key, value] of Object.entries(facts)) {
    const keep = key === 'example' || key === 'pattern' || key === 'format';
    if (!keep || (part as Record<string, unknown>)[key] === undefined) Object.assign(part, { [key]: value });
  }
}
