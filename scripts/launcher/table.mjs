// @ts-check
import { DEMO, DEMO_OPS } from '../seed.mjs';

/** Plain ASCII: an empty environment says nothing of the terminal's encoding. @param {{ url: string, seeded: boolean, tookMs: number }} stack */
export function readyTable({ url, seeded, tookMs }) {
  const shown = url.replace('//127.0.0.1:', '//localhost:').replace('//[::1]:', '//localhost:');
  const rows = [
    ['Simulator', `${shown}/simulator`],
    ['Swagger', `${shown}/docs`],
    ...(seeded
      ? [
          ['Demo login', `${DEMO.email} / ${DEMO.password}`],
          ['Ops login', `${DEMO_OPS.email} / ${DEMO_OPS.password}`],
        ]
      : []),
  ];
  const width = Math.max(...rows.map(([, value = '']) => value.length));
  const line = `+${'-'.repeat(12)}+${'-'.repeat(width + 2)}+`;
  return [
    '',
    `Soko is ready (${(tookMs / 1000).toFixed(1)} s). Ctrl-C stops it.`,
    line,
    ...rows.map(([label = '', value = '']) => `| ${label.padEnd(10)} | ${value.padEnd(width)} |`),
    line,
    '',
  ].join('\n');
}
