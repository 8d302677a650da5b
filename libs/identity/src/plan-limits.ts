import type { Settings } from '@soko/config';
import type { Plan } from './roles.js';
import type { LimitsView } from './merchant.dto.js';

/** What a merchant's plan lets all of its people and systems do together. */
export function planLimits(settings: Settings, plan: Plan): LimitsView {
  const name = plan === 'trial' ? 'TRIAL' : 'STANDARD';
  return {
    api: { requests: settings[`RATE_LIMIT_${name}_API`], windowSeconds: 900 },
    messages: { requests: settings[`RATE_LIMIT_${name}_MESSAGES`], windowSeconds: 60 },
    uploads: { requests: settings[`RATE_LIMIT_${name}_UPLOADS`], windowSeconds: 3_600 },
  };
}
