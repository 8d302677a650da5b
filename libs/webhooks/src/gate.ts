import { type Breaker, callBegun, callEnded, callsAllowed, CLOSED } from './breaker.js';
import type { Progress } from './drain-store.js';
import type { Outcome } from './outcome.js';
import { callsAtOnce, RateLimiter, smoothed } from './pace.js';
import type { Settlement } from './settler.js';

/** Until something is known of an endpoint. */
const USUAL_MS = 10;

/** Whether an endpoint may be called now: breaker, Retry-After, calls a second, calls at once. Times are in ms since 1970. */
export class Gate {
  inFlight = 0;
  private breaker: Breaker;
  private resumeAt: number;
  private calledAt: number;
  private limiter?: RateLimiter;
  private answerMs = USUAL_MS;

  constructor(
    progress: Progress,
    rateLimit: number | null,
    public ordered: boolean,
  ) {
    this.breaker = progress.breaker;
    this.resumeAt = progress.resumeAt;
    this.calledAt = progress.calledAt;
    this.limit(rateLimit);
  }

  /** Another address is given another chance. */
  forget(): void {
    this.breaker = CLOSED;
    this.resumeAt = 0;
  }

  limit(rateLimit: number | null): void {
    if (this.limiter?.perSecond === rateLimit) return;
    this.limiter = rateLimit === null ? undefined : new RateLimiter(rateLimit, this.calledAt);
  }

  /** ms until a call may begin; Infinity: when one that is under way has ended. */
  wait(now: number): number {
    if (this.inFlight >= (this.ordered ? 1 : callsAtOnce(this.answerMs))) return Infinity;
    const blocked = this.blockedFor(now);
    if (blocked > 0) return blocked;
    if (callsAllowed(this.breaker, now) <= 0) return Infinity;
    return this.limiter?.wait(now) ?? 0;
  }

  /** ms for which nothing at all may be called. */
  blockedFor(now: number): number {
    return Math.max(0, this.resumeAt - now, this.breaker.state === 'open' ? this.breaker.until - now : 0);
  }

  begin(now: number): void {
    this.inFlight += 1;
    this.calledAt = now;
    this.limiter?.begin(now);
    this.breaker = callBegun(this.breaker);
  }

  ended(tookMs: number, outcome: Outcome, now: number): void {
    this.inFlight -= 1;
    this.answerMs = smoothed(this.answerMs, tookMs);
    this.breaker = callEnded(this.breaker, outcome.delivered, now);
    if (outcome.pause !== undefined) this.resumeAt = Math.max(this.resumeAt, now + outcome.pause);
  }

  /** As it is written down: by how far from now. */
  state(now: number): Pick<Settlement, 'breaker' | 'breaker_in' | 'opened' | 'calls' | 'resume_in' | 'called_ago'> {
    const { state, until, opened, calls } = this.breaker;
    return {
      breaker: state,
      breaker_in: state === 'open' ? until - now : null,
      opened,
      calls,
      resume_in: this.resumeAt > now ? this.resumeAt - now : null,
      called_ago: this.calledAt === -Infinity ? null : now - this.calledAt,
    };
  }
}
