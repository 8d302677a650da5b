import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { distanceBetween, HEIGHT, minutesFor, sketch, WIDTH } from './way.js';

const HARARE = { latitude: -17.8292, longitude: 31.0522 };

test.each([
  ['the same place', HARARE, HARARE, 0],
  ['Harare to Bulawayo', HARARE, { latitude: -20.15, longitude: 28.58 }, 367_000],
  ['across the date line', { latitude: 0, longitude: 179.9 }, { latitude: 0, longitude: -179.9 }, 22_239],
  ['pole to pole', { latitude: 90, longitude: 0 }, { latitude: -90, longitude: 0 }, 20_015_000],
])('%s', (_, one, other, metres) => {
  expect(Math.abs(distanceBetween(one, other) - metres)).toBeLessThanOrEqual(metres * 0.005);
});

test.each([
  [0, 1],
  [100, 1],
  [3_000, 11],
  [25_000, 84],
])('%d m take %d min', (metres, minutes) => {
  expect(minutesFor(metres)).toBe(minutes);
});

test('north is above and east to the right, as far from each other as they are', () => {
  const driver = { latitude: HARARE.latitude + 0.01, longitude: HARARE.longitude + 0.01 };
  const { destination, driver: spot, path, scale } = sketch(HARARE, driver, [driver]);
  expect(spot[0]).toBeGreaterThan(destination[0]);
  expect(spot[1]).toBeLessThan(destination[1]);
  expect(path).toEqual([spot]);
  const pixels = Math.hypot(spot[0] - destination[0], spot[1] - destination[1]);
  expect((pixels * scale.metres) / scale.pixels / distanceBetween(HARARE, driver)).toBeCloseTo(1, 1);
});

test('a driver at the door is not blown up', () => {
  const { destination, driver } = sketch(HARARE, { ...HARARE, latitude: HARARE.latitude + 0.00005 }, []);
  expect(Math.hypot(destination[0] - driver[0], destination[1] - driver[1])).toBeLessThan(5);
});

test('the neighbours across the date line are neighbours', () => {
  const { destination, driver, scale } = sketch({ latitude: 0, longitude: 179.99 }, { latitude: 0, longitude: -179.99 }, []);
  expect(driver[0]).toBeGreaterThan(destination[0]);
  expect(scale.metres).toBe(500);
});

test('whatever the points are, all of them are in the drawing', () => {
  const point = fc.record({
    latitude: fc.double({ min: -90, max: 90, noNaN: true }),
    longitude: fc.double({ min: -180, max: 180, noNaN: true }),
  });
  fc.assert(
    fc.property(point, point, fc.array(point, { maxLength: 20 }), (destination, driver, path) => {
      const drawn = sketch(destination, driver, path);
      for (const [x, y] of [drawn.destination, drawn.driver, ...drawn.path]) {
        expect(x >= 0 && x <= WIDTH && y >= 0 && y <= HEIGHT).toBe(true);
      }
      expect(drawn.scale.pixels).toBeGreaterThan(0);
    }),
  );
});
