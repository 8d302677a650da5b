// @ts-check
import { setTimeout as pause } from 'node:timers/promises';
import { Problem } from '../launcher/problem.mjs';

const STEP_MS = 15_000;

/** @typedef {(method: string, path: string, body?: unknown) => Promise<any>} Api */

/** @param {string} url @param {string} [token] @returns {Api} */
export function client(url, token) {
  return async (method, path, body) => {
    const headers = {
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    };
    const response = await fetch(url + path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
    const text = await response.text();
    if (response.ok) return text ? JSON.parse(text) : undefined;
    throw new Problem(`${method} ${path} answered ${response.status}: ${JSON.parse(text).detail ?? text}`);
  };
}

/** @template T @param {string} what @param {() => Promise<T | false | undefined>} probe @returns {Promise<T>} */
export async function wait(what, probe) {
  const deadline = Date.now() + STEP_MS;
  while (Date.now() < deadline) {
    const found = await probe();
    if (found) return found;
    await pause(15);
  }
  throw new Problem(`${what} did not come within ${STEP_MS / 1000} s`);
}
