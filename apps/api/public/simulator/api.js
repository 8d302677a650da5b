// @ts-check
/**
 * @template T
 * @typedef {{ data: T[], pagination: { limit: number, hasMore: boolean } }} Page
 */

const TOKEN = 'soko.simulator.token';

/** An answer that is not 2xx, in the words of its problem document. The status is 0 when there was no answer. */
export class ApiError extends Error {
  /** @param {number} status @param {string} detail */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }

  /** Whether the very same call may succeed later. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export const signedIn = () => sessionStorage.getItem(TOKEN) !== null;
export const signOut = () => sessionStorage.removeItem(TOKEN);

/** @param {string} email @param {string} password */
export async function signIn(email, password) {
  const { accessToken } = await call('POST', '/api/auth/login', { email, password });
  sessionStorage.setItem(TOKEN, accessToken);
}

/**
 * @param {'GET' | 'POST'} method @param {string} path @param {object} [body] @param {AbortSignal} [signal]
 * @returns {Promise<any>} the answer's JSON, undefined when it is empty
 * @throws {ApiError}
 */
export function call(method, path, body, signal) {
  const timeout = AbortSignal.timeout(10_000);
  return ask(path, {
    method,
    headers: body ? { 'content-type': 'application/json' } : {},
    ...(body ? { body: JSON.stringify(body) } : {}),
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  });
}

/** @param {File} file @returns {Promise<{ id: string }>} @throws {ApiError} */
export function upload(file) {
  const body = new FormData();
  body.append('file', file);
  return ask('/api/media/upload', { method: 'POST', body, signal: AbortSignal.timeout(60_000) });
}

/** @param {string} path @param {RequestInit} init @returns {Promise<any>} */
async function ask(path, init) {
  const token = sessionStorage.getItem(TOKEN);
  let response, text;
  try {
    const headers = { ...init.headers, ...(token ? { authorization: `Bearer ${token}` } : {}) };
    response = await fetch(path, { ...init, headers });
    text = await response.text();
  } catch {
    throw new ApiError(0, 'The api does not answer.');
  }
  const json = parse(text);
  if (response.ok) return json;
  throw new ApiError(response.status, json?.detail ?? `The api answered with status ${response.status}.`);
}

/** @param {string} text @returns {any} */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Empty, or a proxy's HTML page.
  }
}

/** A UUID; `crypto.randomUUID` is missing on pages that came by plain HTTP from another machine. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const hex = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-8$4-$5');
}
