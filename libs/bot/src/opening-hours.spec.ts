import { describe, expect, it } from 'vitest';
import { dayOf, openAt } from './opening-hours.js';

const span = (from: string, to: string) => [{ from, to }];
const WEEK = {
  monday: span('08:00', '17:30'),
  tuesday: [...span('08:00', '12:00'), ...span('13:00', '17:30')],
  saturday: span('20:00', '24:00'),
  sunday: span('00:00', '02:00'),
};
const at = (time: string, zone = 'Africa/Harare', hours: Parameters<typeof openAt>[0] = WEEK) =>
  openAt(hours, zone, new Date(time));

const daily = (from: string, to: string) => ({ saturday: span(from, to), sunday: span(from, to), monday: span(from, to) });

describe('a shop', () => {
  it.each([
    // Harare is two hours ahead of UTC all year. 2026-11-30 is a Monday.
    ['when the day begins', '2026-11-30T06:00:00Z', { open: true }],
    ['a second before', '2026-11-30T05:59:59Z', { open: false, opensAt: new Date('2026-11-30T06:00:00Z') }],
    ['to the last second', '2026-11-30T15:29:59Z', { open: true }],
    ['when it closes, for the next day', '2026-11-30T15:30:00Z', { open: false, opensAt: new Date('2026-12-01T06:00:00Z') }],
    ['at noon', '2026-12-01T10:30:00Z', { open: false, opensAt: new Date('2026-12-01T11:00:00Z') }],
    ['on a day without hours', '2026-12-02T10:00:00Z', { open: false, opensAt: new Date('2026-12-05T18:00:00Z') }],
    ['until midnight', '2026-12-05T21:59:59Z', { open: true }],
    ['past midnight', '2026-12-05T22:00:00Z', { open: true }],
    ['and not longer', '2026-12-06T00:00:00Z', { open: false, opensAt: new Date('2026-12-07T06:00:00Z') }],
  ])('is open or closed %s', (_, time, expected) => {
    expect(at(time)).toEqual(expected);
  });

  it('without hours is always open', () => {
    expect(openAt(undefined, 'UTC', new Date())).toEqual({ open: true });
    expect(at('2026-11-30T03:00:00Z', 'UTC', {})).toEqual({ open: true });
    expect(at('2026-11-30T03:00:00Z', 'UTC', { monday: [] })).toEqual({ open: true });
  });

  it('that opens once a week is open again in a week', () => {
    const once = { monday: span('08:00', '09:00') };
    expect(at('2026-11-30T09:30:00Z', 'UTC', once)).toEqual({ open: false, opensAt: new Date('2026-12-07T08:00:00Z') });
  });
});

describe('when the clocks are changed', () => {
  it('a shop opens by the clock on its wall', () => {
    // Berlin goes from UTC+1 to UTC+2 on 2026-03-29 at 02:00, and back on 2026-10-25 at 03:00.
    const morning = daily('08:00', '09:00');
    expect(at('2026-03-28T12:00:00Z', 'Europe/Berlin', morning)).toEqual({
      open: false,
      opensAt: new Date('2026-03-29T06:00:00Z'),
    });
    expect(at('2026-10-24T12:00:00Z', 'Europe/Berlin', morning)).toEqual({
      open: false,
      opensAt: new Date('2026-10-25T07:00:00Z'),
    });
  });

  it('an hour that is skipped begins when it would have, and one that comes twice the first time', () => {
    expect(at('2026-03-28T12:00:00Z', 'Europe/Berlin', daily('02:30', '04:00'))).toEqual({
      open: false,
      opensAt: new Date('2026-03-29T01:30:00Z'),
    });
    expect(at('2026-10-24T12:00:00Z', 'Europe/Berlin', daily('02:30', '04:00'))).toEqual({
      open: false,
      opensAt: new Date('2026-10-25T00:30:00Z'),
    });
    for (const time of ['2026-10-25T00:45:00Z', '2026-10-25T01:45:00Z']) {
      expect(at(time, 'Europe/Berlin', daily('02:30', '04:00'))).toEqual({ open: true });
    }
  });
});

it("the day is the merchant's", () => {
  expect(dayOf('Africa/Harare', new Date('2026-11-30T21:59:59Z'))).toBe('2026-11-30');
  expect(dayOf('Africa/Harare', new Date('2026-11-30T22:00:00Z'))).toBe('2026-12-01');
  expect(dayOf('America/Los_Angeles', new Date('2026-11-30T07:00:00Z'))).toBe('2026-11-29');
});
