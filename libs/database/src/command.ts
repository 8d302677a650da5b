import { ValidationError } from '@soko/common';
import { loadSettings, type Settings, settingsErrorLines } from '@soko/config';
import { AlarmBell } from './alarm-bell.js';
import { RelayBell } from './relay-bell.js';
import { Sealer } from './sealer.js';
import { connectApp, connectSystem } from './sources.js';
import { SystemDb, Tenancy } from './tenancy.js';

/** What a command of an operator works with. */
export interface CommandTools {
  settings: Settings;
  tenancy: Tenancy;
  system: SystemDb;
  sealer: Sealer;
}

/** A command rings nobody: rows that it makes due are found by the sweep. */
class SilentBell extends AlarmBell {
  ring(): void {}
}

/** Runs an operator's command on the database, outside of any app. What goes wrong is one line and exit code 1. */
export async function runCommand(work: (tools: CommandTools) => Promise<void>): Promise<void> {
  try {
    const settings = loadSettings();
    const [app, system] = await Promise.all([connectApp(settings), connectSystem(settings)]);
    try {
      const bell = new SilentBell();
      await work({
        settings,
        tenancy: new Tenancy(app, bell, new RelayBell(app)),
        system: new SystemDb(system, bell),
        sealer: new Sealer(settings),
      });
    } finally {
      await Promise.all([app.destroy(), system.destroy()]);
    }
  } catch (error) {
    console.error(lineOf(error));
    process.exitCode = 1;
  }
}

const lineOf = (error: unknown): string =>
  error instanceof ValidationError ? settingsErrorLines(error) : error instanceof Error ? error.message : String(error);
