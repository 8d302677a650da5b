import type { KeyObject } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Endpoint } from './drain-store.js';
import type { FeedEvent } from './event-feed.js';
import { signatureHeaders, signingKey } from './signature.js';
import { WebhookSecrets } from './webhook-secrets.js';

const OURS = { 'content-type': 'application/json', 'user-agent': 'Soko-Webhooks/1.0' };

/** A subscription with its secrets open, ready to call. They stay in memory while it is worked on, and go nowhere else. */
export interface OpenEndpoint extends Endpoint {
  /** Names of the merchant's own headers, if there are any: for the log. */
  ownNames: string[] | null;
  /** @param at ms since 1970 */
  headersFor(id: string, at: number, body: string): Record<string, string>;
  wants(event: FeedEvent): boolean;
}

@Injectable()
export class Endpoints {
  constructor(private readonly secrets: WebhookSecrets) {}

  open(endpoint: Endpoint, merchantId: string): OpenEndpoint {
    const own = this.secrets.headers(endpoint.headers, merchantId);
    const names = Object.keys(own);
    const key = signingKey(this.secrets.secret(endpoint.secret, merchantId));
    const keys = (at: number): KeyObject[] => (oldKey && at < oldUntil ? [key, oldKey] : [key]);
    const oldKey = endpoint.oldSecret === null ? undefined : signingKey(this.secrets.oldSecret(endpoint.oldSecret, merchantId));
    const oldUntil = Date.now() + (endpoint.oldSecretFor ?? 0);
    const all = endpoint.events.includes('*');
    const filters = Object.entries(endpoint.filters ?? {}).map(([field, value]) => [field, JSON.stringify(value)] as const);
    return {
      ...endpoint,
      ownNames: names.length > 0 ? names : null,
      headersFor: (id, at, body) => ({ ...own, ...OURS, ...signatureHeaders(keys(at), id, Math.floor(at / 1_000), body) }),
      wants: (event) => (all || endpoint.events.includes(event.type)) && matches(filters, event.data),
    };
  }
}

/** Whether the data's own fields are what the subscription asks for. */
function matches(filters: (readonly [field: string, value: string])[], data: string): boolean {
  if (filters.length === 0) return true;
  const parsed = JSON.parse(data) as Record<string, unknown>;
  return filters.every(([field, value]) => Object.hasOwn(parsed, field) && JSON.stringify(parsed[field]) === value);
}
