import { Controller, Get, Headers, Query, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { Page } from '@soko/common';
import { Settings } from '@soko/config';
import { type Caller, Me, Requires } from '@soko/identity';
import {
  EventHistory,
  EventQuery,
  EventsHiddenError,
  EventStreams,
  EventView,
  SSE_HEADERS,
  SseOutlet,
  StreamQuery,
  TooManyStreamsError,
  UnknownPlaceError,
} from '@soko/realtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Fails, Paged } from './openapi/decorators.js';

const STREAM = {
  type: 'string',
  example:
    'id: 01990000-0000-7000-8000-000000000001\ndata: {"id":"01990000-0000-7000-8000-000000000001","type":"order_created","timestamp":"2026-11-24T09:30:00.000Z","merchantId":"01990000-0000-7000-8000-000000000002","data":{}}\n\n',
} as const;
const HIDDEN = new EventsHiddenError('order_created', 'orders:read');

@ApiTags('Events')
@Controller('api/events')
export class HistoryController {
  constructor(
    private readonly history: EventHistory,
    private readonly streams: EventStreams,
    private readonly settings: Settings,
  ) {}

  /**
   * What has happened, oldest first, without gaps: those events that your scopes let you read. Give `nextCursor`, which is there at the
   * end too, as `after` to read on.
   */
  @Get()
  @Requires('events:read')
  @Paged(EventView)
  @Fails(new UnknownPlaceError(), HIDDEN)
  list(@Me() me: Caller, @Query() query: EventQuery): Promise<Page<EventView>> {
    return this.history.page(me, query);
  }

  /**
   * What happens, as Server-Sent Events: from now on, or behind the event `after`, or, when a client connects again, behind the
   * event that `Last-Event-ID` names. Each `data` is an event as in the list; `event: end` says why we close.
   */
  @Get('stream')
  @Requires('events:read')
  @ApiHeader({ name: 'Last-Event-ID', required: false, schema: { type: 'string', maxLength: 100 } })
  @ApiOkResponse({ content: { 'text/event-stream': { schema: STREAM } } })
  @Fails(new UnknownPlaceError(), HIDDEN, new TooManyStreamsError(100))
  async stream(
    @Me() me: Caller,
    @Query() { after, types }: StreamQuery,
    @Headers('last-event-id') last: string | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const stream = await this.streams.prepare(me, { after: last || after, types });
    reply.hijack();
    for (const [name, value] of Object.entries({ ...reply.getHeaders(), ...SSE_HEADERS })) reply.raw.setHeader(name, value!);
    reply.raw.writeHead(200);
    if (request.method === 'HEAD' || reply.raw.destroyed) {
      stream.close();
      reply.raw.end();
    } else SseOutlet.open(stream, reply.raw, this.settings.REALTIME_BUFFER_BYTES);
  }
}
