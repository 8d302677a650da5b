// @ts-check
// The partner of bench/webhooks.mjs, a process of its own: answers 200 at once, and remembers when which event came.
import { createServer } from 'node:http';

/** @type {[id: string, at: number][]} */
let calls = [];
const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.end('ok');
    calls.push([String(request.headers['webhook-id']), Date.now()]);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : undefined });
});
process.on('message', (/** @type {'count' | 'calls'} */ question) => {
  if (question === 'count') return process.send?.({ count: calls.length });
  process.send?.({ calls });
  calls = [];
});
process.on('disconnect', () => process.exit(0));
