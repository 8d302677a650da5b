import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Settings } from '@soko/config';
import { Log } from './log.js';
import { Metrics } from './metrics.js';
import { mayScrape } from './scrape-gate.js';

/** `GET /metrics` on METRICS_PORT, for processes that serve no HTTP otherwise. Nothing of their work waits for it. */
@Injectable()
export class MetricsServer implements OnApplicationBootstrap, OnApplicationShutdown {
  private server?: Server;

  constructor(
    private readonly settings: Settings,
    private readonly metrics: Metrics,
    private readonly log: Log,
  ) {}

  /** Where it listens; undefined when it does not. */
  get port(): number | undefined {
    return (this.server?.address() as AddressInfo | null | undefined)?.port;
  }

  async onApplicationBootstrap(): Promise<void> {
    const { METRICS_PORT: port, HOST: host } = this.settings;
    if (port === undefined) return;
    this.metrics.watchProcess();
    const server = createServer((request, response) => void this.answer(request, response));
    this.server = server;
    await new Promise<void>((resolve) => {
      // Another process of the same machine may have the port: that is no reason not to work.
      server.once('error', (error) => {
        this.log.error({ err: error, port }, 'metrics are not served');
        resolve();
      });
      server.listen(port, host, () => {
        this.log.info({ port: this.port }, 'metrics are served');
        resolve();
      });
    });
  }

  onApplicationShutdown(): void {
    this.server?.close();
    this.server?.closeAllConnections();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const end = (status: number, text: string, type = 'text/plain; charset=utf-8'): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(text);
    };
    request.resume();
    if (request.url?.split('?')[0] !== '/metrics') return end(404, 'There is /metrics.\n');
    if (request.method !== 'GET') return end(405, 'Only GET.\n');
    const { authorization } = request.headers;
    if (!mayScrape(this.settings, { authorization, address: request.socket.remoteAddress }))
      return end(401, 'Send METRICS_TOKEN as "Authorization: Bearer <token>".\n');
    try {
      end(200, await this.metrics.registry.metrics(), this.metrics.registry.contentType);
    } catch (error) {
      this.log.error({ err: error }, 'metrics could not be collected');
      end(500, 'The metrics could not be collected.\n');
    }
  }
}
