import createFetchClient, { type Client, type ClientOptions } from 'openapi-fetch';
import type { components, paths } from './api.js';

/** `GET`, `POST` and so on, each knowing the paths, parameters, bodies and answers of the API. */
export type Soko = Client<paths>;

/** What every refused call is answered with. `code` is stable, `detail` says what to do. */
export type Problem = components['schemas']['Problem'];

export interface SokoOptions {
  /** Where the API is, for example `https://soko.example.com`. */
  baseUrl: string;
  /** An API key (`sk_…`), or the access token of somebody who is signed in; none for calls that are for everybody. */
  token?: string;
  /** Another `fetch`, for example one that tries again. */
  fetch?: ClientOptions['fetch'];
}

export function createClient({ baseUrl, token, fetch }: SokoOptions): Soko {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  return createFetchClient<paths>({ baseUrl, headers, ...(fetch ? { fetch } : {}) });
}

/** A call that was refused. */
export class SokoError extends Error {
  constructor(
    readonly status: number,
    /** As the API told it; missing when what answered was not the API. */
    readonly problem?: Problem,
  ) {
    super(problem ? `${problem.code}: ${problem.detail}` : `the answer was ${status}`);
    this.name = 'SokoError';
  }
}

/** What a call answers with. @throws SokoError when it was refused. */
export function unwrap<T>({ data, error, response }: { data?: T; error?: unknown; response: Response }): T {
  if (response.ok) return data as T;
  const told = typeof error === 'object' && error !== null && 'code' in error;
  throw new SokoError(response.status, told ? (error as Problem) : undefined);
}
