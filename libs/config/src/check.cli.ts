import { ValidationError } from '@soko/common';
import { loadSettings } from './load.js';

/** Ends with 1 and one line per bad setting; the launcher runs it before it starts anything. */
try {
  loadSettings();
} catch (error) {
  const faults = error instanceof ValidationError ? (error.errors ?? []) : [];
  const lines = faults.map((fault) => `Setting ${fault.path}: ${fault.message}`);
  console.error(lines.length > 0 ? lines.join('\n') : String(error));
  process.exitCode = 1;
}
