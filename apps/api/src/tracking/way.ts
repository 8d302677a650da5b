import type { GeoPoint } from '@soko/deliveries';

const EARTH_M = 6_371_000;
const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** As the crow flies, in metres. */
export function distanceBetween(one: GeoPoint, other: GeoPoint): number {
  const half = (a: number, b: number): number => Math.sin(radians(b - a) / 2) ** 2;
  const across = Math.cos(radians(one.latitude)) * Math.cos(radians(other.latitude));
  const chord = half(one.latitude, other.latitude) + across * half(one.longitude, other.longitude);
  return 2 * EARTH_M * Math.asin(Math.sqrt(Math.min(1, chord)));
}

/** Streets are longer than the crow's way by so much, and a driver in a town makes so many km/h: there is no map to ask. */
const DETOUR = 1.4;
const KMH = 25;

/** How long the rest of the way takes, at a guess. */
export const minutesFor = (metres: number): number => Math.max(1, Math.ceil((metres * DETOUR * 60) / (KMH * 1_000)));

export const WIDTH = 320;
export const HEIGHT = 220;
const MARGIN = 30;
/** What the drawing shows at least, in metres: the last steps to the door are not blown up. */
const LEAST_M = 300;
const METRES_PER_DEGREE = radians(1) * EARTH_M;
const BARS_M = [50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 500_000, 1_000_000, 5_000_000];
const LONGEST_BAR = 90;

export type Spot = [x: number, y: number];

/** Points of a drawing, north above, in pixels. */
export interface Sketch {
  destination: Spot;
  driver: Spot;
  path: Spot[];
  /** The bar that tells how long things are. */
  scale: { metres: number; pixels: number };
}

/** The way on a plane: small enough that nobody sees the earth's curve, and right across the date line too. */
export function sketch(destination: GeoPoint, driver: GeoPoint, path: GeoPoint[]): Sketch {
  const shrink = Math.cos(radians(destination.latitude));
  // Metres from the door, to the east and to the south.
  const plane = ({ latitude, longitude }: GeoPoint): Spot => {
    const east = ((longitude - destination.longitude + 540) % 360) - 180;
    return [east * shrink * METRES_PER_DEGREE, (destination.latitude - latitude) * METRES_PER_DEGREE];
  };
  const all = [destination, driver, ...path].map(plane);
  const [xs, ys] = [all.map(([x]) => x), all.map(([, y]) => y)];
  const zoom = Math.min((WIDTH - 2 * MARGIN) / span(xs), (HEIGHT - 2 * MARGIN) / span(ys));
  const spots = all.map(([x, y]): Spot => [
    tenth(WIDTH / 2 + (x - middle(xs)) * zoom),
    tenth(HEIGHT / 2 + (y - middle(ys)) * zoom),
  ]);
  const metres = BARS_M.findLast((bar) => bar * zoom <= LONGEST_BAR) ?? BARS_M[0]!;
  return {
    destination: spots[0]!,
    driver: spots[1]!,
    path: spots.slice(2),
    scale: { metres, pixels: tenth(metres * zoom) },
  };
}

const span = (values: number[]): number => Math.max(LEAST_M, Math.max(...values) - Math.min(...values));
const middle = (values: number[]): number => (Math.max(...values) + Math.min(...values)) / 2;
const tenth = (value: number): number => Math.round(value * 10) / 10;
