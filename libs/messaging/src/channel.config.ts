import { type FieldError, ValidationError } from '@soko/common';
import type { ChannelConfigBody } from './channel.dto.js';
import type { ChannelKind } from './channel.entity.js';

/** What a cloud channel signs in and checks signatures with. */
export interface CloudSecrets {
  accessToken: string;
  appSecret: string;
  verifyToken: string;
}

/** The fields of each kind, by where they are kept, and whether a channel can be without them. */
const FIELDS: Record<ChannelKind, { open: string[]; secret: string[]; needed: string[] }> = {
  simulator: { open: [], secret: [], needed: [] },
  cloud: {
    open: ['phoneNumberId', 'wabaId', 'messagesPerSecond'],
    secret: ['accessToken', 'appSecret', 'verifyToken'],
    needed: ['phoneNumberId', 'accessToken', 'appSecret', 'verifyToken'],
  },
  baileys: { open: ['newChatsPerDay', 'newChatGapSeconds'], secret: [], needed: [] },
};

export interface SplitConfig {
  open: Record<string, unknown>;
  secret: Record<string, unknown>;
}

/**
 * What a channel of this kind keeps: `given` over what it had, the secrets apart from the rest.
 * @throws ValidationError for a field of another kind, and for one that is missing.
 */
export function splitConfig(
  kind: ChannelKind,
  given: ChannelConfigBody = {},
  had: SplitConfig = { open: {}, secret: {} },
): SplitConfig {
  const { open, secret, needed } = FIELDS[kind];
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  const pick = (names: string[]) => Object.fromEntries(entries.filter(([name]) => names.includes(name)));
  const merged = { open: { ...had.open, ...pick(open) }, secret: { ...had.secret, ...pick(secret) } };
  const all = { ...merged.open, ...merged.secret };
  const faults: FieldError[] = [
    ...entries
      .filter(([name]) => !open.includes(name) && !secret.includes(name))
      .map(([name]) => fault(name, `${name} is not for channels of kind ${kind}`)),
    ...needed.filter((name) => all[name] === undefined).map((name) => fault(name, `a channel of kind ${kind} needs ${name}`)),
  ];
  if (faults.length > 0) throw new ValidationError(faults);
  return merged;
}

const fault = (name: string, message: string): FieldError => ({ path: `config.${name}`, code: 'config', message });
