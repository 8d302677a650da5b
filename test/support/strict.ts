import assert from 'node:assert/strict';
import type { Answer, ApiClient } from '@soko/testing';
import { documents, type Operation } from './document.js';

export interface Problem {
  code: string;
  status: number;
  title: string;
  detail: string;
  errors?: { code: string }[];
}

/** What an answer tells of our inside. */
const INSIDE = /node_modules|SELECT |pg_|TypeError/;

/** Holds every answer to what each must be, and remembers those that the document does not tell of. */
export class StrictCaller {
  readonly undocumented = new Set<string>();

  async call(client: ApiClient, operation: Operation, path: string, body?: unknown): Promise<Answer<Problem>> {
    const answer = await client.call<Problem>(operation.method, path, body);
    const { status, body: problem } = answer;
    const what = `${operation.method} ${path} ${JSON.stringify(body)?.slice(0, 300)} -> ${status} ${JSON.stringify(problem)?.slice(0, 500)}`;
    assert(status < 500, what);
    if (status >= 400) {
      assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/, what);
      assert(problem.status === status && problem.title && problem.detail && problem.code, what);
      assert.doesNotMatch(JSON.stringify(problem), INSIDE, what);
    }
    if (!documents(operation, status, problem?.code))
      this.undocumented.add(`${operation.method} ${operation.path}: ${status} ${problem?.code ?? ''}`);
    return answer;
  }
}
