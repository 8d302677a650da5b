import type { Socket } from 'socket.io';
import type { HistoryEvent } from './event-history.js';
import type { EventStream, Outlet } from './event-stream.js';
import { type Ending, ENDINGS } from './realtime.errors.js';
import { LAST_WORDS_MS } from './sse-outlet.js';

/** Clients of Socket.IO come back by themselves when the connection breaks, and stay away when the server says good-bye. */
const COME_BACK: Record<Ending, boolean> = { stopping: true, too_slow: true, session_ended: false, access_changed: false };

/** A stream to a client of Socket.IO: each event as `event`, and `end` with the reason before we close. */
export class SocketOutlet implements Outlet {
  /** Handed over since the transport last took what it had. */
  private waiting = { events: 0, bytes: 0 };

  private constructor(
    private readonly socket: Socket,
    private readonly buffer: { events: number; bytes: number },
  ) {}

  static open(stream: EventStream, socket: Socket, buffer: { events: number; bytes: number }): void {
    const outlet = new SocketOutlet(socket, buffer);
    const { conn } = socket;
    const drained = (): void => {
      outlet.waiting = { events: 0, bytes: 0 };
      stream.resume();
    };
    conn.on('drain', drained);
    // The connection may outlive it, and be used for another.
    socket.once('disconnect', () => {
      conn.off('drain', drained);
      stream.close();
    });
    stream.start(outlet);
  }

  send(event: HistoryEvent): boolean {
    this.waiting.events += 1;
    this.waiting.bytes += event.text.length;
    this.socket.emit('event', event.envelope);
    return this.waiting.events < this.buffer.events && this.waiting.bytes < this.buffer.bytes;
  }

  /** Socket.IO does so by itself. */
  beat(): void {}

  end(ending: Ending): void {
    const { conn } = this.socket;
    this.socket.emit('end', { code: ending, detail: ENDINGS[ending] });
    if (COME_BACK[ending]) conn.close();
    else this.socket.disconnect(true);
    // Both wait for what is on its way; a client that does not read would keep them waiting.
    const late = setTimeout(() => terminate(conn), LAST_WORDS_MS);
    conn.once('close', () => clearTimeout(late));
  }
}

function terminate(conn: Socket['conn']): void {
  const { socket } = conn.transport as unknown as { socket?: { terminate?: () => void } };
  if (socket?.terminate) socket.terminate();
  else conn.close(true);
}
