import { createHash } from 'node:crypto';
import type { Tracked } from '@soko/deliveries';
import { directionOf, type PageLanguage, type Texts, textsOf } from './texts.js';
import { distanceBetween, HEIGHT, minutesFor, sketch, WIDTH } from './way.js';

/** What is told of a delivery, and how it looks. */
export interface LiveState {
  status: Tracked['status'];
  distanceMeters?: number;
  minutes?: number;
  html: string;
}

/** Nearer than this a number says nothing. */
const AT_THE_DOOR_M = 150;
const POLL_MS = 5_000;

export function liveState(tracked: Tracked, language: PageLanguage, now = new Date()): LiveState {
  const { status, position, destination } = tracked;
  const metres = position && destination && Math.round(distanceBetween(position, destination));
  return {
    status,
    ...(metres === undefined ? {} : { distanceMeters: metres, minutes: minutesFor(metres) }),
    html: fragment(tracked, metres, language, now),
  };
}

export const trackingPage = (tracked: Tracked, language: PageLanguage): string => {
  const texts = textsOf(language);
  const order = texts.order(String(tracked.orderNumber));
  return frame(
    language,
    `${order} · ${tracked.shop}`,
    `<header><p>${escape(tracked.shop)}</p><h1>${escape(order)}</h1></header>
<main id="live" aria-live="polite">${liveState(tracked, language).html}</main>
<script>${SCRIPT}</script>`,
    '<noscript><meta http-equiv="refresh" content="15"></noscript>',
  );
};

export function gonePage(language: PageLanguage): string {
  const { title, body } = textsOf(language).gone;
  return frame(language, title, `<header><h1>${escape(title)}</h1></header><main><p>${escape(body)}</p></main>`);
}

function fragment(tracked: Tracked, metres: number | undefined, language: PageLanguage, now: Date): string {
  const { status, driver, position } = tracked;
  const texts = textsOf(language);
  const moving = status === 'in_transit';
  const headline = moving && driver ? texts.driverComes(driver) : texts.headline[status];
  return [
    status === 'cancelled' ? '' : steps(texts, status),
    `<p class="headline">${escape(headline)}</p>`,
    moving && !position ? `<p class="quiet">${escape(texts.noPosition)}</p>` : '',
    metres === undefined ? '' : `<p class="far">${escape(far(texts, metres, language))}</p>`,
    position && tracked.destination ? drawing(texts, tracked, language) : '',
    position ? `<p class="quiet">${escape(texts.seen(ago(texts, position.at, language, now)))}</p>` : '',
    moving ? `<p class="quiet">${escape(texts.code)}</p>` : '',
  ].join('');
}

function steps(texts: Texts, status: Tracked['status']): string {
  const at = status === 'delivered' ? 2 : status === 'in_transit' ? 1 : 0;
  const items = texts.steps.map((step, index) => {
    const state = index < at || status === 'delivered' ? ' class="done"' : '';
    return `<li${state}${index === at ? ' aria-current="step"' : ''}>${escape(step)}</li>`;
  });
  return `<ol>${items.join('')}</ol>`;
}

function far(texts: Texts, metres: number, language: PageLanguage): string {
  if (metres < AT_THE_DOOR_M) return texts.near;
  const minutes = new Intl.NumberFormat(language, { style: 'unit', unit: 'minute', unitDisplay: 'long' });
  return texts.away(length(metres, language), minutes.format(minutesFor(metres)));
}

/** In the unit that one would say it in. */
function length(metres: number, language: PageLanguage): string {
  const inMetres = metres < 950;
  const unit = inMetres ? 'meter' : 'kilometer';
  const value = inMetres ? Math.round(metres / 50) * 50 || metres : metres / 1_000;
  return new Intl.NumberFormat(language, { style: 'unit', unit, maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
}

function ago(texts: Texts, at: Date, language: PageLanguage, now: Date): string {
  const minutes = Math.floor((now.getTime() - at.getTime()) / 60_000);
  if (minutes < 1) return texts.now;
  const format = new Intl.RelativeTimeFormat(language, { style: 'long' });
  return minutes < 60 ? format.format(-minutes, 'minute') : format.format(-Math.floor(minutes / 60), 'hour');
}

/** No map of anybody's: that would tell them where customers live. */
function drawing(texts: Texts, { position, destination, path }: Tracked, language: PageLanguage): string {
  const {
    driver: [x, y],
    destination: [homeX, homeY],
    path: spots,
    scale,
  } = sketch(destination!, position!, path);
  const trail = [...spots, [x, y]].map((spot) => spot.join(',')).join(' ');
  const [left, bottom] = [14, HEIGHT - 14];
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escape(texts.map)}" direction="ltr">
<path class="grid" d="${GRID}"/>
<line class="ahead" x1="${x}" y1="${y}" x2="${homeX}" y2="${homeY}"/>
<polyline class="trail" points="${trail}"/>
<path class="home" d="M${homeX} ${homeY - 9}l9 8h-3v8h-12v-8h-3z"/>
<text x="${homeX}" y="${y <= homeY ? homeY + 20 : homeY - 13}" text-anchor="middle">${escape(texts.you)}</text>
<circle class="pulse" cx="${x}" cy="${y}" r="13"/><circle class="driver" cx="${x}" cy="${y}" r="6.5"/>
<path class="scale" d="M${left} ${bottom - 4}v4h${scale.pixels}v-4"/><text x="${left + 4}" y="${bottom - 5}">${escape(length(scale.metres, language))}</text>
</svg>`;
}

const every = (step: number, end: number): number[] => Array.from({ length: Math.floor(end / step) }, (_, n) => (n + 0.5) * step);
const GRID = [...every(40, WIDTH).map((x) => `M${x} 0V${HEIGHT}`), ...every(40, HEIGHT).map((y) => `M0 ${y}H${WIDTH}`)].join('');

const frame = (language: PageLanguage, title: string, body: string, head = ''): string => `<!doctype html>
<html lang="${language}" dir="${directionOf(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${escape(title)}</title>
<style>${STYLE}</style>
${head}
</head>
<body>
${body}
</body>
</html>
`;

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (sign) => ENTITIES[sign]!);

const STYLE = `
:root{--ink:#14231c;--quiet:#5b6b63;--paper:#f4f6f4;--card:#fff;--line:#d9e0dc;--green:#0b7a4b;--warm:#c2410c}
@media(prefers-color-scheme:dark){:root{--ink:#eef3f0;--quiet:#a3b3aa;--paper:#0e1512;--card:#17211c;--line:#2b3a33;--green:#3ecf8e;--warm:#fb923c}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:30rem;padding:1rem;font:1rem/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
header p{margin:0;color:var(--quiet)}
h1{margin:0 0 1rem;font-size:1.5rem}
main{padding:1rem;border:1px solid var(--line);border-radius:1rem;background:var(--card)}
main>p:last-child{margin-bottom:0}
ol{display:flex;gap:.5rem;margin:0 0 1rem;padding:0;list-style:none;font-size:.85rem;color:var(--quiet)}
li{flex:1;padding-top:.5rem;border-top:.3rem solid var(--line)}
li.done{border-color:var(--green)}
li[aria-current]{border-color:var(--green);color:var(--ink);font-weight:600}
.headline{margin:0 0 .25rem;font-size:1.15rem;font-weight:600}
.far{margin:0 0 .75rem;color:var(--green);font-weight:600}
.quiet{margin:.5rem 0 0;font-size:.9rem;color:var(--quiet)}
svg{display:block;width:100%;height:auto;border-radius:.75rem;background:var(--paper)}
svg text{font:11px system-ui,sans-serif;fill:var(--quiet)}
.grid{stroke:var(--line);stroke-width:.7;fill:none}
.ahead{stroke:var(--quiet);stroke-width:1.5;stroke-dasharray:3 4}
.trail{stroke:var(--green);stroke-width:3;fill:none;stroke-linejoin:round;stroke-linecap:round}
.home{fill:var(--warm)}
.driver{fill:var(--green);stroke:var(--card);stroke-width:2}
.pulse{fill:var(--green);opacity:.25}
.scale{stroke:var(--quiet);fill:none}
@media(prefers-reduced-motion:no-preference){.pulse{animation:p 2s infinite}@keyframes p{50%{opacity:.08}}}
`;

/** Asks again and again; what has not changed costs next to nothing. Ends with the delivery; a link that has died shows its page. */
const SCRIPT = `
const live=document.getElementById('live');let tag='';
const look=async()=>{
if(!document.hidden)try{
const answer=await fetch(location.pathname.replace(/\\/$/,'')+'/state',{cache:'no-store',headers:tag?{'if-none-match':tag}:{}});
if(answer.status===404)return location.reload();
if(answer.status===200){tag=answer.headers.get('etag')||'';const state=await answer.json();live.innerHTML=state.html;
if(state.status==='delivered'||state.status==='cancelled')return}
}catch{}
setTimeout(look,${POLL_MS})};
setTimeout(look,${POLL_MS});
`;

const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Nothing but what stands in the page itself. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `script-src ${hash(SCRIPT)}`,
  `style-src ${hash(STYLE)}`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');
