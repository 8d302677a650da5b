import { newId } from './ids.js';
import { expect, it } from 'vitest';
import { idFloor, timeOf } from './uuid-time.js';

it('tells the time that an id was made at', () => {
  const before = Date.now();
  const made = timeOf(newId());
  expect(made).toBeGreaterThanOrEqual(before);
  expect(made).toBeLessThanOrEqual(Date.now());
});

it('has ids of a time between its floor and that of the next millisecond', () => {
  const id = newId();
  expect(idFloor(timeOf(id)) < id && id < idFloor(timeOf(id) + 1)).toBe(true);
  expect(timeOf(idFloor(timeOf(id)))).toBe(timeOf(id));
});

it('knows no time before or after all times', () => {
  expect(idFloor(-5)).toBe('00000000-0000-0000-0000-000000000000');
  expect(idFloor(1e20)).toBe('ffffffff-ffff-0000-0000-000000000000');
});
