import { backoff } from '@soko/common';
import type { Settings } from '@soko/config';
import { Client } from 'pg';

/** LISTENs to one channel on a connection of its own, and opens a new one whenever that is lost. */
export class Listener {
  private client?: Client;
  private timer?: NodeJS.Timeout;
  private stopped = false;
  private failures = 0;

  /** @param heard gets each payload; called once with '' after every new connection, because something may have been missed. */
  constructor(
    private readonly settings: Settings,
    private readonly channel: string,
    private readonly heard: (payload: string) => void,
    private readonly failed: (error: unknown) => void,
  ) {}

  async start(): Promise<void> {
    const client = new Client({
      connectionString: this.settings.DATABASE_SYSTEM_URL ?? this.settings.DATABASE_URL,
      options: '-c role=soko_system',
      keepAlive: true,
    });
    this.client = client;
    client.on('notification', ({ payload }) => this.heard(payload ?? ''));
    client.on('error', (error) => this.again(client, error));
    client.once('end', () => this.again(client, new Error('the connection ended')));
    try {
      await client.connect();
      await client.query(`LISTEN ${this.channel}`);
      this.failures = 0;
      this.heard('');
    } catch (error) {
      this.again(client, error);
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.client?.end().catch(() => undefined);
  }

  private again(client: Client, error: unknown): void {
    if (this.stopped || this.client !== client) return;
    this.client = undefined;
    this.failed(error);
    client.end().catch(() => undefined);
    this.timer = setTimeout(() => void this.start(), backoff(++this.failures, 200, 5_000));
  }
}
