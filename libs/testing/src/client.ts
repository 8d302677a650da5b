import { newId } from '@soko/common';

export interface Answer<T> {
  status: number;
  headers: Headers;
  body: T;
}

/** Calls the api as one person, or one system, does. */
export class ApiClient {
  constructor(
    readonly baseUrl: string,
    /** An access token or an API key. */
    readonly token?: string,
  ) {}

  get headers(): Record<string, string> {
    return this.token ? { authorization: `Bearer ${this.token}` } : {};
  }

  /** The same api, as somebody else. */
  as(token: string): ApiClient {
    return new ApiClient(this.baseUrl, token);
  }

  /** The same caller, by another process of the api. */
  at(baseUrl: string): ApiClient {
    return new ApiClient(baseUrl, this.token);
  }

  async call<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const response = await fetch(this.baseUrl + path, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...this.headers, ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(15_000),
    });
    // A stream has no end: that it began is the answer.
    if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
      await response.body!.cancel();
      return { status: response.status, headers: response.headers, body: undefined as T };
    }
    const text = await response.text();
    // A catalogue comes as CSV.
    const isJson = response.headers.get('content-type')?.includes('json') ?? false;
    return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text || undefined) as T };
  }

  /** The body of a call that must succeed. @throws Error with the answer otherwise. */
  async ok<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.call<T>(method, path, body);
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** A new merchant, and a client that is its owner. */
  static async register(baseUrl: string, name = 'Test Shop'): Promise<{ client: ApiClient; merchantId: string; email: string }> {
    const email = `${newId()}@example.com`;
    const session = await new ApiClient(baseUrl).ok<{ accessToken: string; merchant: { id: string } }>(
      'POST',
      '/api/auth/register',
      { email, password: PASSWORD, name: 'Owner', merchant: { name } },
    );
    return { client: new ApiClient(baseUrl, session.accessToken), merchantId: session.merchant.id, email };
  }

  /** A client of somebody whose password is the tests'. */
  static async signIn(baseUrl: string, email: string): Promise<ApiClient> {
    const body = { email, password: PASSWORD };
    const { accessToken } = await new ApiClient(baseUrl).ok<{ accessToken: string }>('POST', '/api/auth/login', body);
    return new ApiClient(baseUrl, accessToken);
  }
}

/** Of everybody in tests. */
export const PASSWORD = 'correct-horse';
