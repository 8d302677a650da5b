import { isUuid, ValidationError } from '@soko/common';

/** A call from outside that must prove who made it, before anybody has looked at it. */
export interface InboundCall {
  params: Readonly<Record<string, unknown>>;
  query: Readonly<Record<string, unknown>>;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The very bytes that came: what was signed must not be read and written again. */
  body: Buffer;
}

/**
 * Finds out whether a call is from who it says, before its handler sees it. Each kind of caller has its own: Meta, providers of payments,
 * merchants' own systems.
 */
export interface InboundVerifier<Proof> {
  /** @returns what the handler may believe. @throws AppError that tells nothing of why to whoever is not the one */
  verify(call: InboundCall): Promise<Proof>;
}

/** A parameter of the path that is an id. @throws ValidationError */
export function idIn(call: InboundCall, path: string): string {
  const value = call.params[path];
  if (isUuid(value)) return value;
  throw new ValidationError([{ path, code: 'isUuid', message: `${path} must be a UUID` }]);
}

/** A header that came once. */
export function headerIn({ headers }: Pick<InboundCall, 'headers'>, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}
