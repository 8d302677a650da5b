import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { projectRoot } from '@soko/config';
import { completeOperation, handlers, METHODS, operationId, SHARED_SCHEMAS } from './operations.js';
import { completeSchemas } from './schemas.js';

const DESCRIPTION = `WhatsApp commerce for many merchants.

**Try it:** \`POST /api/auth/login\` (or \`register\`), copy the \`accessToken\`, press *Authorize*, and every *Try it out* below is yours.
Systems use an API key (\`POST /api/api-keys\`) in \`X-API-Key\`, or as a bearer token.

**Errors** are \`application/problem+json\` with a stable \`code\`. Another merchant's id answers 404.
**Lists** take \`limit\` (at most 100) and \`cursor\`. **Every POST** of somebody signed in takes an \`Idempotency-Key\`.
**Rate limits** are told in \`RateLimit-Limit\`, \`RateLimit-Remaining\`, \`RateLimit-Reset\`; a 429 says in \`Retry-After\` how long to wait.
Every answer carries \`X-Request-Id\`; send your own to follow a call through queues, events and the audit trail.`;

const TAGS: [name: string, description: string][] = [
  ['Identity', 'People, API keys, the merchant'],
  ['Channels', 'WhatsApp numbers of the merchant'],
  ['Messages', 'Sending, chats, and what was said'],
  ['Contacts', 'Who writes, and who agreed to be written to'],
  ['Simulator', 'A customer’s phone to try with'],
  ['Templates', 'Texts with variables'],
  ['Broadcasts', 'One message to many who agreed to it'],
  ['Media', 'Pictures and other files'],
  ['Catalogue', 'Products and stock'],
  ['Orders', 'From pending to delivered'],
  ['Payments', 'What was paid, how, and what goes back'],
  ['Deliveries', 'Who brings what where'],
  ['Events', 'What has happened: their types, the history, streams'],
  ['Webhooks', 'Calls to partners’ systems'],
  ['Audit', 'Who changed what'],
  ['Ops', 'The platform’s own team: merchants, keys and queues of all'],
  ['Health', 'For load balancers and monitors'],
];

/** The whole API as OpenAPI 3, with what routes declare about themselves (access, pages, errors) worked in. */
export function buildDocument(app: INestApplication): OpenAPIObject {
  const { version } = JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8')) as { version: string };
  const builder = new DocumentBuilder()
    .setTitle('Soko')
    .setDescription(DESCRIPTION)
    .setVersion(version)
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addBearerAuth({
      type: 'http',
      scheme: 'bearer',
      description: 'An access token of POST /api/auth/login, or an API key (sk_…)',
    })
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'An API key (sk_…)' }, 'apiKey');
  for (const [name, description] of TAGS) builder.addTag(name, description);
  const document = SwaggerModule.createDocument(app, builder.build(), { operationIdFactory: operationId });
  document.components!.schemas = { ...document.components?.schemas, ...SHARED_SCHEMAS };
  completeSchemas(document);
  const declared = handlers();
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      const handler = operation && declared.get(operation.operationId!);
      if (handler) completeOperation(document, path, operation, handler);
    }
  }
  sortEnums(document);
  return document;
}

/** The order of a union is the compiler's whim, and another after each incremental build. */
function sortEnums(node: unknown): void {
  if (typeof node !== 'object' || node === null) return;
  const { enum: names } = node as { enum?: unknown };
  if (Array.isArray(names)) names.sort((one, other) => (String(one) < String(other) ? -1 : 1));
  for (const each of Object.values(node)) sortEnums(each);
}

/** Swagger UI at /docs, the document at /docs-json. */
export function serveDocs(app: INestApplication): void {
  let document: OpenAPIObject | undefined;
  SwaggerModule.setup('docs', app, () => (document ??= buildDocument(app)), {
    jsonDocumentUrl: 'docs-json',
    customSiteTitle: 'Soko API',
    swaggerOptions: {
      persistAuthorization: true,
      displayRequestDuration: true,
      docExpansion: 'list',
      defaultModelsExpandDepth: 0,
      filter: true,
    },
  });
}
