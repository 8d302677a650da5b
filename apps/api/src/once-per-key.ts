import { Injectable } from '@nestjs/common';
import { AppError, newId, workContext } from '@soko/common';
import { type Claim, IdempotencyStore, Tenancy } from '@soko/database';
import { Log } from '@soko/observability';
import type { FastifyReply } from 'fastify';
import { Answered } from './answered.js';
import { PROBLEM_TYPE, problemOf } from './problem.js';

const JSON_TYPE = 'application/json; charset=utf-8';
const REPLAYED = { 'idempotent-replayed': 'true' };
/** Refusals that say nothing of the work itself. */
const NOT_KEPT = new Set([401, 403, 429]);

export class KeyReusedError extends AppError {
  constructor() {
    super(422, 'idempotency_key_reused', 'This idempotency key was used for another request; make a new key for each request.');
  }
}
export class InProgressError extends AppError {
  constructor(seconds: number) {
    super(409, 'idempotency_in_progress', 'The first request with this key is still running; ask again.', undefined, seconds);
  }
}

export interface KeyedRequest {
  merchantId: string;
  /** What the key belongs to, and the key itself. */
  scope: string[];
  /** All that makes a second request the same one. */
  print: string[];
  /** Where problems say that they happened. */
  url: string;
}

/** Does the work of a request once: all that it writes and the answer itself are one commit, and whoever asks again gets that answer. */
@Injectable()
export class OncePerKey {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly store: IdempotencyStore,
    private readonly log: Log,
  ) {}

  /** @returns what to send. @throws Answered with the first answer, InProgressError, KeyReusedError */
  async perform(request: KeyedRequest, reply: FastifyReply, work: () => Promise<unknown>): Promise<unknown> {
    const outcome = await this.store.claim(request.merchantId, request.scope, request.print);
    if ('replay' in outcome) throw new Answered(outcome.replay, REPLAYED);
    if ('inProgress' in outcome) throw new InProgressError(outcome.inProgress.retryAfter);
    if ('reused' in outcome) throw new KeyReusedError();
    return this.work(outcome.claim, request.url, reply, work);
  }

  private async work(claim: Claim, url: string, reply: FastifyReply, work: () => Promise<unknown>): Promise<unknown> {
    const unit = this.tenancy.unit(claim.merchantId);
    try {
      const result = await unit.perform(work);
      const body = result === undefined ? null : JSON.stringify(result);
      await unit.commit((tx) => this.store.finish(tx, claim, { status: reply.statusCode, contentType: JSON_TYPE, body }));
      if (body === null) return undefined;
      void reply.header('content-type', JSON_TYPE);
      return body;
    } catch (error) {
      const { started } = unit;
      await unit.rollback();
      throw await this.settle(claim, error, started, url);
    }
  }

  /** Keeps a refusal that the work itself came to; after anything else the next one may try. @returns what to throw */
  private async settle(claim: Claim, error: unknown, started: boolean, url: string): Promise<unknown> {
    const kept = started && error instanceof AppError && error.status < 500 && !NOT_KEPT.has(error.status);
    try {
      if (!kept) {
        await this.store.release(claim);
        return error;
      }
      const problem = problemOf(error, url, workContext.requestId ?? newId());
      const answer = { status: problem.status, contentType: PROBLEM_TYPE, body: JSON.stringify(problem) };
      await this.store.refuse(claim, answer);
      return new Answered(answer);
    } catch (failure) {
      // The claim dies by its clock.
      this.log.warn({ err: failure }, 'an idempotency key was not settled');
      return error;
    }
  }
}
