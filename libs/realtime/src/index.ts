export { EventHistory } from './event-history.js';
export { EVENT_SCOPES } from './event-scopes.js';
export type { EventStream } from './event-stream.js';
export { EventStreams } from './event-streams.js';
export { RealtimeAdapter } from './realtime.adapter.js';
export { EventQuery, EventView, StreamQuery } from './realtime.dto.js';
export { EventsHiddenError, TooManyStreamsError, UnknownPlaceError } from './realtime.errors.js';
export { RealtimeModule } from './realtime.module.js';
export { SSE_HEADERS, SseOutlet } from './sse-outlet.js';
