import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { newId, ValidationError, workContext } from '@soko/common';
import type { Settings } from '@soko/config';
import type { Log, Metrics } from '@soko/observability';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import helmet from 'helmet';
import type { Socket } from 'node:net';
import { PROBLEM_TYPE, problemOf } from '../problem.js';
import { wantsRawBody } from './raw-body.js';

const BODY_LIMIT = 1024 * 1024;
const MAX_DEPTH = 32;
const HSTS = `max-age=${365 * 24 * 3600}; includeSubDomains`;
/** What scripts in a browser may read besides the body. */
const EXPOSED = [
  'X-Request-Id',
  'Idempotent-Replayed',
  'Retry-After',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
];

/** Fastify, such that even what it refuses by itself is answered as a problem. */
export function createAdapter(settings: Settings): FastifyAdapter {
  return new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    trustProxy: settings.trustProxy,
    routerOptions: { maxParamLength: 300 },
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      const problem = problemOf(error, request.url, newId());
      void reply.status(problem.status).header('content-type', PROBLEM_TYPE).send(JSON.stringify(problem));
    },
    clientErrorHandler: (error: NodeJS.ErrnoException, socket: Socket) => {
      if (error.code === 'ECONNRESET' || !socket.writable) return socket.destroy();
      const status = { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 }[error.code ?? ''] ?? 400;
      const body = JSON.stringify(problemOf({ statusCode: status }, '', newId()));
      const head = `HTTP/1.1 ${status} Bad Request\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}`;
      socket.end(`${head}\r\nconnection: close\r\n\r\n${body}`);
    },
  });
}

/**
 * JSON, where no bytes at all are no body: many clients name the type of a body that they do not send. Routes that want a raw body
 * get its bytes, of JSON or CSV.
 */
export function readJson(app: NestFastifyApplication): void {
  const parse = app.getHttpAdapter().getInstance().getDefaultJsonParser('error', 'error');
  app.useBodyParser('application/json', {}, (request, body: Buffer, done) => {
    if (wantsRawBody(request as FastifyRequest)) done(null, body);
    else if (body.length === 0) done(null, undefined);
    else void parse(request as FastifyRequest, body.toString(), done);
  });
  app.useBodyParser('text/csv', {}, (request, body: Buffer, done) => {
    if (wantsRawBody(request as FastifyRequest)) done(null, body);
    else done(Object.assign(new Error('JSON is wanted here'), { statusCode: 415 }));
  });
}

/** helmet's headers, made once: they are the same on every answer, and making them anew each time showed in bench:api. */
function securityHeaders(settings: Settings): Record<string, string> {
  const headers: Record<string, string> = {};
  const response = {
    setHeader: (name: string, value: string) => (headers[name.toLowerCase()] = value),
    removeHeader: () => undefined,
  } as unknown as ServerResponse;
  const make = helmet({
    contentSecurityPolicy: {
      directives: { imgSrc: ["'self'", 'data:', ...pictureHosts(settings)], upgradeInsecureRequests: null },
    },
    strictTransportSecurity: false,
  });
  make({} as IncomingMessage, response, (error?: unknown) => {
    if (error) throw error;
  });
  return headers;
}

/** Where the simulator's pictures lie when they do not lie here: with or without the bucket in its name, as the server wants it. */
function pictureHosts({ S3_BUCKET, S3_ENDPOINT, S3_REGION }: Settings): string[] {
  if (!S3_BUCKET) return [];
  const { protocol, host } = new URL(S3_ENDPOINT ?? `https://s3.${S3_REGION}.amazonaws.com`);
  return [`${protocol}//${host}`, `${protocol}//${S3_BUCKET}.${host}`];
}

/** Security headers, and browsers of CORS_ORIGINS alone. HSTS when the world reaches us by TLS. */
export function protect(app: NestFastifyApplication, settings: Settings): void {
  const headers = securityHeaders(settings);
  const tls = settings.PUBLIC_URL?.startsWith('https:') ?? false;
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', (request, reply, done) => {
      void reply.headers(headers);
      // By a proxy that is trusted, where not by the setting.
      if (tls || request.protocol === 'https') void reply.header('strict-transport-security', HSTS);
      done();
    });
  if (settings.CORS_ORIGINS.length > 0)
    app.enableCors({
      origin: settings.CORS_ORIGINS,
      exposedHeaders: EXPOSED,
      maxAge: 600,
      methods: 'GET,HEAD,POST,PUT,PATCH,DELETE',
    });
}

/**
 * Refuses bodies that are nested deeper than anything of ours: whatever walks them later (checks, JSON, the database) may do so by
 * recursion.
 */
export function boundNesting(adapter: FastifyAdapter): void {
  adapter.getInstance().addHook('preValidation', (request, _reply, done) => {
    const fault = Buffer.isBuffer(request.body) ? undefined : tooDeep(request.body);
    done(fault);
  });
}

/** What is wrong with a body that is nested too deeply; nothing where it is not. */
export const tooDeep = (body: unknown): ValidationError | undefined =>
  isDeep(body)
    ? new ValidationError([{ path: '', code: 'nesting', message: `the body is nested deeper than ${MAX_DEPTH} levels` }])
    : undefined;

function isDeep(body: unknown): boolean {
  let level = [body];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) return true;
    level = level.flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []));
  }
  return false;
}

/** Takes or makes X-Request-Id, echoes it, and lets all that the request leads to carry it. */
export function followRequests(adapter: FastifyAdapter, log: Log, metrics: Metrics): void {
  const server = adapter.getInstance();
  server.addHook('onRequest', (request, reply, done) => {
    const given = request.headers['x-request-id'];
    const requestId = typeof given === 'string' && /^[\w.-]{1,128}$/.test(given) ? given : randomUUID();
    void reply.header('x-request-id', requestId);
    workContext.run({ requestId, ip: request.ip }, done);
  });
  server.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions } = request;
    metrics.answered(method, routeOptions?.url, reply.statusCode, reply.elapsedTime);
    const line = { method, route: routeOptions?.url, status: reply.statusCode, ms: Math.round(reply.elapsedTime) };
    if (method === 'GET' || method === 'OPTIONS') log.debug(line, 'request');
    else log.info(line, 'request');
    done();
  });
}
