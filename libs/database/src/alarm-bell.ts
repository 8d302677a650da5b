import type { Alarm } from './transaction.js';

/** Puts alarms on the queues. Never throws and never waits: a lost alarm is rung again by the sweep. */
export abstract class AlarmBell {
  abstract ring(alarms: Alarm[]): void;
}
