import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { allEvents, exampleEnvelope, schemaOf } from '@soko/contracts';
import { Requires } from '@soko/identity';
import type { EventTypesView, EventTypeView } from './event-types.dto.js';

/** What partners can subscribe to, by name. */
export const eventTypes = (): EventTypeView[] =>
  allEvents()
    .map((event) => ({
      type: event.type,
      version: event.version,
      description: event.description,
      schema: { ...schemaOf(event) },
      example: { ...exampleEnvelope(event) },
    }))
    .toSorted((one, other) => (one.type < other.type ? -1 : 1));

@ApiTags('Webhooks')
@Controller('api/event-types')
export class EventTypesController {
  private readonly answer: EventTypesView = { data: eventTypes() };

  /** Every event that there is, each with its JSON Schema and an example. The same in words: docs/event-types.md. */
  @Get()
  @Requires('events:read')
  list(): EventTypesView {
    return this.answer;
  }
}
