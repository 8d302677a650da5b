// @ts-check
// The bare baseline of bench/webhooks.mjs: a loop that signs bodies and posts them. No event, no record, no retry, no guard.
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { Pool } from 'undici';
import { spread } from './support.mjs';

const [url = '', total = '0', body = ''] = process.argv.slice(2);
const CALLS = Number(total);
const AT_ONCE = 16;
const key = randomBytes(32);
const { origin, pathname: path } = new URL(url);
const pool = new Pool(origin, { connections: AT_ONCE });

const post = async () => {
  const id = randomUUID();
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'bare',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  };
  const answer = await pool.request({ method: 'POST', path, headers, body });
  await answer.body.text();
  if (answer.statusCode !== 200) throw new Error(`the receiver answered ${answer.statusCode}`);
};
await spread(Math.min(CALLS, 500), AT_ONCE, post);
const begin = performance.now();
await spread(CALLS, AT_ONCE, post);
process.send?.((CALLS * 1_000) / (performance.now() - begin), () => process.exit(0));
