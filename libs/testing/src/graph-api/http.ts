import type { IncomingMessage, ServerResponse } from 'node:http';
import { refuse } from './graph-error.js';

export interface Answer {
  status: number;
  /** Written as JSON, unless it is bytes. */
  body: object | Buffer;
  headers?: Record<string, string>;
}

export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxBytes) refuse(`the body is larger than ${maxBytes} bytes`);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size);
}

export function parseJson(body: string): Record<string, unknown> {
  try {
    const value: unknown = body === '' ? {} : JSON.parse(body);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told below, as for any other body that is no object.
  }
  refuse('The body must be a JSON object.');
}

export function respond(response: ServerResponse, { status, body, headers }: Answer): void {
  if (response.destroyed) return;
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  const type = Buffer.isBuffer(body) ? 'application/octet-stream' : 'application/json; charset=UTF-8';
  response.writeHead(status, { 'content-type': type, 'content-length': bytes.length, ...headers });
  response.end(bytes);
}

/** The head, which promises all, and half of the bytes. */
export async function respondHalf(response: ServerResponse, { status, body, headers }: Answer): Promise<void> {
  const bytes = body as Buffer;
  response.writeHead(status, { 'content-length': bytes.length, ...headers });
  await new Promise((resolve) => response.write(bytes.subarray(0, bytes.length / 2), resolve));
}

export interface FormPart {
  filename?: string;
  contentType?: string;
  bytes: Buffer;
}

const CRLF = '\r\n';

/** The parts of a multipart/form-data body (RFC 7578), by their names. @throws GraphError */
export function parseForm(contentType: string | undefined, body: Buffer): Map<string, FormPart> {
  const [, quoted, plain] = /^multipart\/form-data;.*\bboundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType ?? '') ?? [];
  const boundary = quoted ?? plain;
  if (!boundary) refuse('The body must be multipart/form-data.');
  const delimiter = Buffer.from(`${CRLF}--${boundary}`);
  const parts = new Map<string, FormPart>();
  let at = body.indexOf(`--${boundary}`) + delimiter.length - CRLF.length;
  while (body.toString('latin1', at, at + 2) === CRLF) {
    const headEnd = body.indexOf(CRLF + CRLF, at);
    const end = body.indexOf(delimiter, headEnd);
    if (headEnd < 0 || end < 0) refuse('The form is cut off.');
    const head = body.toString('utf8', at, headEnd);
    const name = /;\s*name="([^"]*)"/i.exec(head)?.[1];
    if (name === undefined) refuse('A part of the form has no name.');
    parts.set(name, {
      filename: /;\s*filename="([^"]*)"/i.exec(head)?.[1],
      contentType: /^content-type:\s*(.+)$/im.exec(head)?.[1]?.trim(),
      bytes: body.subarray(headEnd + 4, end),
    });
    at = end + delimiter.length;
  }
  return parts;
}
