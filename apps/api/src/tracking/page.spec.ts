import type { Tracked, TrackedStatus } from '@soko/deliveries';
import { describe, expect, it, test } from 'vitest';
import { gonePage, liveState, PAGE_POLICY, trackingPage } from './page.js';
import { languageFor } from './texts.js';

const NOW = new Date('2026-11-29T12:00:00Z');
const HOME = { latitude: -17.8292, longitude: 31.0522 };
const tracked = (over: Partial<Tracked> = {}): Tracked => ({
  shop: 'Mbare Market',
  locale: 'en',
  orderNumber: 7,
  status: 'in_transit',
  driver: 'Tapiwa',
  destination: HOME,
  position: { latitude: -17.82, longitude: 31.045, at: new Date('2026-11-29T11:58:30Z') },
  path: [],
  ...over,
});

describe('what is live', () => {
  it('tells who comes, how far it is, how long it takes, and how fresh that is', () => {
    const state = liveState(tracked(), 'en', NOW);
    expect(state).toMatchObject({ status: 'in_transit', distanceMeters: 1276, minutes: 5 });
    for (const text of ['Tapiwa is on the way to you.', 'About 1.3 km away, about 5 minutes', 'Seen 1 minute ago', '<svg'])
      expect(state.html).toContain(text);
  });

  it.each([
    ['without a destination there is nothing to draw or to measure', { destination: undefined }, /Seen 1 minute ago/],
    ['without a position it says so', { position: undefined }, /position is not known yet/],
    ['without a driver’s name it does without', { driver: undefined, position: undefined }, /Your order is on its way\./],
  ])('%s', (_, over, text) => {
    const state = liveState(tracked(over), 'en', NOW);
    expect(state.html).toMatch(text);
    expect(state.html).not.toContain('<svg');
    expect([state.distanceMeters, state.minutes]).toEqual([undefined, undefined]);
  });

  it('counts no metres at the door', () => {
    const position = { latitude: HOME.latitude + 0.001, longitude: HOME.longitude, at: NOW };
    const { html } = liveState(tracked({ position }), 'en', NOW);
    expect(html).toContain('Almost there');
    expect(html).toContain('Seen just now');
  });

  it.each(['waiting', 'failed', 'delivered', 'cancelled'] as TrackedStatus[])(
    'asks nobody for a code when it is %s',
    (status) => {
      const { html } = liveState(tracked({ status, driver: undefined, position: undefined }), 'en', NOW);
      expect(html).not.toMatch(/code|Tapiwa/);
      expect(html.includes('<ol>')).toBe(status !== 'cancelled');
    },
  );

  it('looks the same as long as nothing has changed', () => {
    expect(liveState(tracked(), 'fr', NOW)).toEqual(liveState(tracked(), 'fr', new Date(NOW.getTime() + 1_000)));
  });
});

test('names are text, whatever they look like', () => {
  const page = trackingPage(tracked({ shop: '<script>alert("1")</script>', driver: "<b>O'Hara&" }), 'en');
  expect(page).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;');
  expect(page).toContain('&lt;b&gt;O&#39;Hara&amp; is on the way');
});

test('a page stands by itself: its policy allows its own style and script and nothing from elsewhere', () => {
  expect(PAGE_POLICY).toMatch(/^default-src 'none'; script-src 'sha256-\S{44}'; style-src 'sha256-\S{44}'; connect-src 'self'/);
  for (const page of [trackingPage(tracked(), 'ar'), gonePage('fr')])
    expect(page).not.toMatch(/src=|url\(|@import|https?:|style="|\son\w+=/);
});

test.each([
  ['fr-CI,fr;q=0.9,en;q=0.8', 'en', 'fr'],
  ['sn, ar;q=0.5, en;q=0.4', 'en', 'ar'],
  ['en;q=0.1, ar;q=0.9', 'en', 'ar'],
  ['fr;q=0', 'ar-EG', 'ar'],
  ['sn', 'fr', 'fr'],
  [undefined, 'sn', 'en'],
  ['*', 'pt-MZ', 'en'],
  [';;;,,q=x;q=y', 'fr', 'fr'],
  ['constructor', 'en', 'en'],
])('a browser that asks for %j at a shop in %s reads %s', (accept, locale, language) => {
  expect(languageFor(accept, locale)).toBe(language);
});
