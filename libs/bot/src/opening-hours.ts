import type { OpeningHours } from '@soko/identity';

export type Opening = { open: true } | { open: false; opensAt?: Date };

const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
const DAY_MS = 24 * 3_600_000;

/** Whether a shop is open, by the clock on its wall; one without any hours always is. `opensAt`: when it opens next. */
export function openAt(hours: OpeningHours | undefined, timezone: string, now: Date): Opening {
  if (!hours || DAYS.every((day) => !hours[day]?.length)) return { open: true };
  const wall = wallClock(timezone, now);
  const spansOf = (day: number) => hours[DAYS[new Date(day).getUTCDay()]!] ?? [];
  const today = Math.floor(wall / DAY_MS) * DAY_MS;
  if (spansOf(today).some(({ from, to }) => wall >= today + timeOf(from) && wall < today + timeOf(to))) return { open: true };
  const begins = Array.from({ length: 8 }, (_, ahead) => today + ahead * DAY_MS)
    .flatMap((day) => spansOf(day).map(({ from }) => day + timeOf(from)))
    .filter((begin) => begin > wall);
  return { open: false, opensAt: instantOf(timezone, Math.min(...begins)) };
}

/** When the day began there. */
export const dayBegan = (timezone: string, now: Date): Date =>
  instantOf(timezone, Math.floor(wallClock(timezone, now) / DAY_MS) * DAY_MS);

/** The date on the merchant's wall, `2026-11-29`. */
export const dayOf = (timezone: string, now: Date): string => new Date(wallClock(timezone, now)).toISOString().slice(0, 10);

/** Milliseconds into a day. */
const timeOf = (time: string): number => (Number(time.slice(0, 2)) * 60 + Number(time.slice(3))) * 60_000;

/** What the clocks of a time zone show, as if they were UTC's. */
function wallClock(timeZone: string, at: Date): number {
  const format = new Intl.DateTimeFormat('en', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(part.year!, part.month! - 1, part.day, part.hour, part.minute, part.second);
}

/** When the clocks show this. Of a time that they skip in spring it is the moment after; of one that they show twice, the first. */
function instantOf(timezone: string, wall: number): Date {
  const offsets = [wall - DAY_MS, wall + DAY_MS].map((near) => wallClock(timezone, new Date(near)) - near);
  const instants = offsets.map((offset) => wall - offset).toSorted((a, b) => a - b);
  const shown = instants.find((instant) => wallClock(timezone, new Date(instant)) === wall);
  return new Date(shown ?? instants[1]!);
}
