import { ValidationError } from '@soko/common';
import { loadSettings } from './load.js';
import { settingsErrorLines } from './settings-error.js';

/** Ends with 1 and one line per bad setting; the launcher runs it before it starts anything. */
try {
  loadSettings();
} catch (error) {
  console.error(error instanceof ValidationError ? settingsErrorLines(error) : String(error));
  process.exitCode = 1;
}
