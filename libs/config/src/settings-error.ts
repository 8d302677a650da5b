import { ValidationError } from '@soko/common';

/** One line for each bad setting, the most telling fault of it: "must be an integer" before "must not be greater than 256". */
export function settingsErrorLines(error: ValidationError): string {
  const lines = new Map<string, { code: string; message: string }>();
  for (const { path, code, message } of error.errors ?? []) {
    if (!lines.has(path) || code.startsWith('is')) lines.set(path, { code, message });
  }
  return [...lines].map(([path, { message }]) => `Setting ${path}: ${message}`).join('\n');
}
