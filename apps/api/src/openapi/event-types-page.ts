import type { JsonSchema } from '@soko/contracts';
import { eventTypes } from '../event-types.controller.js';

const INTRODUCTION = `# Events

What happens in a shop, as partners hear of it: by [webhook](webhooks.md), in the history (\`GET /api/events\`) and in real time.
\`GET /api/event-types\` answers with all of this, and with a JSON Schema of each event, for programs. Fields may be added to any of them:
let those pass that you do not know. Nothing is taken away, and no field changes its meaning; that would be a new type.

Every event is an envelope \`{ id, type, timestamp, merchantId, data }\`. \`id\` is the same however often the event is delivered, so that it
can be counted once; \`timestamp\` is when it happened. Below is what stands in \`data\`.

This page is made by \`npm run openapi\` from the classes in \`libs/contracts\`.`;

/** docs/event-types.md: the catalogue for people. */
export function eventTypesPage(): string {
  const events = eventTypes();
  const contents = events.map(({ type, description }) => `- [\`${type}\`](#${type}): ${description}`);
  const chapters = events.map(({ type, version, description, schema, example }) => {
    const data = (schema as JsonSchema).properties!.data!;
    return [
      `## ${type}`,
      `${description} Version ${version}.`,
      ['| Field | | |', '| --- | --- | --- |', ...rows(data)].join('\n'),
      `\`\`\`json\n${JSON.stringify(example, null, 2)}\n\`\`\``,
    ].join('\n\n');
  });
  return `${[INTRODUCTION, contents.join('\n'), ...chapters].join('\n\n')}\n`;
}

/** A line for each field, those of its parts below it. */
function rows(schema: JsonSchema, above = ''): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([field, part]) => {
    const path = `${above}${field}`;
    const missing = schema.required?.includes(field) ? '' : ', may be missing';
    const row = `| \`${path}\` | ${kindOf(part)}${missing} | ${(part.description ?? '').replaceAll('|', '\\|')} |`;
    return [row, ...rows(part, `${path}.`), ...rows(part.items ?? {}, `${path}[].`)];
  });
}

function kindOf({ type, format, enum: values, pattern, items }: JsonSchema): string {
  if (values) return values.map((value) => `\`${String(value)}\``).join(', ');
  if (format) return format === 'uuid' ? 'id' : 'time';
  if (pattern?.startsWith('^\\+')) return 'phone number';
  return type === 'array' ? `list of ${items!.type}s` : type!;
}
