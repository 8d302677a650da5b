import { type OnGatewayConnection, type OnGatewayInit, WebSocketGateway } from '@nestjs/websockets';
import { AppError, validateInput } from '@soko/common';
import { Settings } from '@soko/config';
import { type Caller, CredentialService, ForbiddenError, planLimits, UnauthenticatedError } from '@soko/identity';
import { Limiter } from '@soko/limits';
import { Log } from '@soko/observability';
import type { Namespace, Socket } from 'socket.io';
import type { EventStream } from './event-stream.js';
import { EventStreams } from './event-streams.js';
import { RealtimeAuth } from './realtime.dto.js';
import { TooManyConnectsError } from './realtime.errors.js';
import { SocketOutlet } from './socket-outlet.js';

/** As IdentityGuard finds it, for clients that can set headers. */
const bearerOf = (header: string | undefined): string | undefined => /^Bearer +(\S+)$/i.exec(header ?? '')?.[1];

/** The Socket.IO namespace `/realtime`: who may come in, and a stream for each. */
@WebSocketGateway({ namespace: '/realtime' })
export class RealtimeGateway implements OnGatewayInit<Namespace>, OnGatewayConnection<Socket> {
  private readonly streams = new WeakMap<Socket, EventStream>();

  constructor(
    private readonly opener: EventStreams,
    private readonly credentials: CredentialService,
    private readonly limiter: Limiter,
    private readonly settings: Settings,
    private readonly log: Log,
  ) {}

  afterInit(namespace: Namespace): void {
    namespace.use((socket, next) => void this.answer(socket, next));
    // There is nothing at the root.
    namespace.server.of('/').use((_, next) => next(new Error('connect to the namespace /realtime')));
  }

  handleConnection(socket: Socket): void {
    const stream = this.streams.get(socket);
    const { REALTIME_BUFFER_EVENTS: events, REALTIME_BUFFER_BYTES: bytes } = this.settings;
    if (stream) SocketOutlet.open(stream, socket, { events, bytes });
  }

  private async answer(socket: Socket, next: (refusal?: Error) => void): Promise<void> {
    let refusal: Error | undefined;
    try {
      await this.admit(socket);
    } catch (error) {
      refusal = this.refusal(error);
    }
    next(refusal);
  }

  /** @throws AppError why not */
  private async admit(socket: Socket): Promise<void> {
    const { token, ...wish } = validateInput(RealtimeAuth, { ...socket.handshake.auth });
    const { authorization, 'x-api-key': key } = socket.handshake.headers;
    const credential = token ?? bearerOf(authorization) ?? (typeof key === 'string' ? key : undefined);
    if (!credential) throw new UnauthenticatedError('Connect with auth: { token }, an access token or an API key (sk_…).');
    const caller = await this.credentials.identify(credential);
    if (!caller.scopes.has('events:read')) throw new ForbiddenError('events:read', caller.kind);
    await this.countIn(caller);
    const stream = await this.opener.prepare(caller, wish);
    this.streams.set(socket, stream);
    // The client may be gone before it is let in.
    socket.conn.once('close', () => stream.close());
    if (socket.conn.readyState !== 'open') stream.close();
  }

  /** A connect is a request, and counts with the others. @throws TooManyConnectsError */
  private async countIn({ merchantId, plan }: Caller): Promise<void> {
    if (!this.settings.RATE_LIMIT_ENABLED) return;
    const { requests, windowSeconds } = planLimits(this.settings, plan).api;
    const { allowed, resetSeconds } = await this.limiter.hit(`api:${merchantId}`, requests, windowSeconds);
    if (!allowed) throw new TooManyConnectsError(requests, resetSeconds);
  }

  /** What `connect_error` tells: the words as the message, and the rest as a problem has it. */
  private refusal(error: unknown): Error {
    if (error instanceof AppError) {
      const { status, code, detail, errors, retryAfter } = error;
      return Object.assign(new Error(detail), { data: { status, code, detail, errors, retryAfter } });
    }
    this.log.error({ err: error }, 'realtime: a connect failed');
    const detail = 'Something went wrong on our side; connect again.';
    return Object.assign(new Error(detail), { data: { status: 500, code: 'internal_error', detail } });
  }
}
