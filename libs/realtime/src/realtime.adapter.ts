import type { INestApplicationContext } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { Settings } from '@soko/config';
import type { Server, ServerOptions } from 'socket.io';

/** Clients send who they are, and nothing else. */
const MAX_MESSAGE = 16_384;
const CONNECT_MS = 10_000;
const PONG_MS = 20_000;

/** Socket.IO on the api's own port, as the settings want it. */
export class RealtimeAdapter extends IoAdapter {
  private readonly settings: Settings;

  constructor(app: INestApplicationContext) {
    super(app);
    this.settings = app.get(Settings);
  }

  override createIOServer(port: number, options?: Partial<ServerOptions>): Server {
    const { CORS_ORIGINS: origin, REALTIME_HEARTBEAT_S: seconds } = this.settings;
    return super.createIOServer(port, {
      ...options,
      serveClient: false,
      connectTimeout: CONNECT_MS,
      pingInterval: seconds * 1_000,
      pingTimeout: PONG_MS,
      maxHttpBufferSize: MAX_MESSAGE,
      ...(origin.length > 0 ? { cors: { origin } } : {}),
    } as ServerOptions);
  }
}
