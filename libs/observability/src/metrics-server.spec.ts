import { Settings } from '@soko/config';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from './logger.js';
import { Metrics, noteWebhookAttempt } from './metrics.js';
import { MetricsServer } from './metrics-server.js';

const TOKEN = 'sixteen-characters';

async function setup(given: Partial<Settings> = {}) {
  const settings = Object.assign(new Settings(), { METRICS_PORT: 0, METRICS_TOKEN: TOKEN }, given);
  const metrics = new Metrics('worker');
  const server = new MetricsServer(settings, metrics, createLogger('test', 'silent'));
  onTestFinished(() => {
    server.onApplicationShutdown();
    metrics.onApplicationShutdown();
  });
  await server.onApplicationBootstrap();
  const get = (path = '/metrics', token: string | undefined = TOKEN, method = 'GET') =>
    fetch(`http://127.0.0.1:${server.port}${path}`, { method, headers: token ? { authorization: `Bearer ${token}` } : {} });
  return { server, metrics, get };
}

test('whoever shows the token reads what the process tells of itself, with its name', async () => {
  const { get, metrics } = await setup();
  metrics.answered('GET', '/api/orders/:id', 204, 30);
  noteWebhookAttempt('delivered');
  noteWebhookAttempt('failed');
  noteWebhookAttempt('delivered');
  const answer = await get();
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const text = await answer.text();
  expect(text).toContain('soko_webhook_attempts_total{outcome="delivered",app="worker"} 2');
  expect(text).toContain('soko_webhook_attempts_total{outcome="failed",app="worker"} 1');
  expect(text).toContain(
    'soko_http_request_duration_seconds_bucket{le="0.05",app="worker",method="GET",route="/api/orders/:id",status="2xx"} 1',
  );
  expect(text).toContain(
    'soko_http_request_duration_seconds_bucket{le="0.025",app="worker",method="GET",route="/api/orders/:id",status="2xx"} 0',
  );
  for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_eventloop_lag_p99_seconds'])
    expect(text).toMatch(new RegExp(`^${name}\\{`, 'm'));
});

test('nobody else does, and there is nothing else', async () => {
  const { get } = await setup();
  expect((await get('/metrics', 'another-sixteen-c')).status).toBe(401);
  expect((await get('/metrics', '')).status).toBe(401);
  expect((await get('/')).status).toBe(404);
  expect((await get('/metrics', TOKEN, 'POST')).status).toBe(405);
});

test('without METRICS_PORT nothing is served', async () => {
  const { server } = await setup({ METRICS_PORT: undefined });
  expect(server.port).toBeUndefined();
});

test('a port that another process has costs the metrics, and not the work', async () => {
  const first = await setup();
  const second = await setup({ METRICS_PORT: first.server.port });
  expect(second.server.port).toBeUndefined();
  expect((await first.get()).status).toBe(200);
});
