/** Status and text of the codes that Meta documents for the Cloud API; a code that is not here answers 400. */
const KNOWN: Record<number, [status: number, title: string]> = {
  0: [401, 'AuthException'],
  1: [400, 'API Unknown'],
  2: [503, 'API Service'],
  3: [500, 'API Method'],
  4: [400, 'API Too Many Calls'],
  10: [403, 'Permission Denied'],
  33: [400, 'Parameter value is not valid'],
  100: [400, 'Invalid parameter'],
  190: [401, 'Invalid OAuth access token - Cannot parse access token'],
  368: [403, 'Temporarily blocked for policies violations'],
  80007: [400, 'Rate limit issues'],
  130429: [400, 'Rate limit hit'],
  130472: [400, "User's number is part of an experiment"],
  131000: [500, 'Something went wrong'],
  131005: [403, 'Access denied'],
  131008: [400, 'Required parameter is missing'],
  131009: [400, 'Parameter value is not valid'],
  131016: [500, 'Service unavailable'],
  131021: [400, 'Recipient cannot be sender'],
  131026: [400, 'Message undeliverable'],
  131031: [403, 'Account has been locked'],
  131042: [400, 'Business eligibility payment issue'],
  131047: [400, 'Re-engagement message'],
  131048: [400, 'Spam rate limit hit'],
  131049: [400, 'This message was not delivered to maintain healthy ecosystem engagement'],
  131050: [400, 'User has stopped marketing messages'],
  131051: [400, 'Unsupported message type'],
  131052: [400, 'Media download error'],
  131053: [400, 'Media upload error'],
  131056: [400, '(Business Account, Consumer Account) pair rate limit hit'],
  131057: [500, 'Account in maintenance mode'],
  132000: [400, 'Number of parameters does not match the expected number of params'],
  132001: [404, 'Template name does not exist in the translation'],
  132005: [400, 'Translated text too long'],
  132007: [400, 'Template format character policy violated'],
  132012: [400, 'Parameter format does not match format in the created template'],
  132015: [400, 'Template is paused'],
  132016: [400, 'Template is disabled'],
  132068: [400, 'Flow is in blocked state'],
  132069: [400, 'Flow is in throttled state'],
  133004: [503, 'Server temporarily unavailable'],
  133010: [400, 'Phone number not registered'],
};

export interface Failure {
  code: number;
  /** HTTP status; the one that Meta documents for the code when left out. */
  status?: number;
  message?: string;
  details?: string;
  subcode?: number;
  /** Seconds, sent as `Retry-After`. */
  retryAfter?: number;
}

let traces = 0;

/** An answer of the Graph API that is not a success. */
export class GraphError extends Error {
  readonly code: number;
  readonly status: number;

  constructor(readonly failure: Failure) {
    const [status, title] = KNOWN[failure.code] ?? [400, 'Error'];
    super(failure.message ?? title);
    this.code = failure.code;
    this.status = failure.status ?? status;
  }

  /** The body of the answer. */
  get body(): object {
    const { details, subcode } = this.failure;
    return {
      error: {
        message: this.failure.message ?? `(#${this.code}) ${this.message}`,
        type: subcode === 33 ? 'GraphMethodException' : 'OAuthException',
        code: this.code,
        ...(subcode === undefined ? {} : { error_subcode: subcode }),
        ...(details === undefined ? {} : { error_data: { messaging_product: 'whatsapp', details } }),
        fbtrace_id: `A${(traces += 1).toString(36).padStart(22, '0')}`,
      },
    };
  }

  /** The same error as a webhook tells it. */
  get item(): object {
    return {
      code: this.code,
      title: this.message,
      message: this.message,
      error_data: { details: this.failure.details ?? this.message },
    };
  }
}

/** @throws GraphError 100, or `code`. */
export function refuse(details: string, code = 100): never {
  throw new GraphError({ code, details, ...(code === 100 ? { message: `(#100) ${details}` } : {}) });
}
