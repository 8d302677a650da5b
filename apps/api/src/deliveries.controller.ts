import { Body, Controller, Get, HttpCode, Post, Query, Req } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { NotFoundError, type Page } from '@soko/common';
import {
  AssignBody,
  CodeLockedError,
  CompleteBody,
  DeliveryDetailView,
  DeliveryPhotoService,
  DeliveryQuery,
  DeliveryService,
  DeliveryTransitionError,
  DeliveryView,
  FailBody,
  LocatedView,
  LocationBody,
  NotInTransitError,
  WrongCodeError,
} from '@soko/deliveries';
import { type Caller, Me, Requires } from '@soko/identity';
import { MediaView } from '@soko/media';
import { FulfilmentService } from '@soko/orders';
import type { FastifyRequest } from 'fastify';
import type { Upload } from './http/upload.js';
import { Id } from './input.pipe.js';
import { TakesAFile } from './media.controller.js';
import { Fails, Paged } from './openapi/decorators.js';
import { SAMPLE_ID } from './openapi/examples.js';
import { CountsAs } from './rate-limit.guard.js';

/** Drivers see and move what was given to them; for them another's delivery is not there. */
@ApiTags('Deliveries')
@Controller('api/deliveries')
export class DeliveriesController {
  constructor(
    private readonly deliveries: DeliveryService,
    private readonly fulfilment: FulfilmentService,
    private readonly photos: DeliveryPhotoService,
  ) {}

  /** Newest first. */
  @Get()
  @Requires('deliveries:read')
  @Paged(DeliveryView)
  @Fails(new NotFoundError('user', SAMPLE_ID))
  list(@Me() me: Caller, @Query() query: DeliveryQuery): Promise<Page<DeliveryView>> {
    return this.deliveries.list(me.merchantId, me, query);
  }

  @Get(':id')
  @Requires('deliveries:read')
  get(@Me() me: Caller, @Id() id: string): Promise<DeliveryDetailView> {
    return this.deliveries.get(me.merchantId, id, me);
  }

  /** Gives it to a driver, or to another one, until somebody sets out with it. Not for drivers. */
  @Post(':id/assign')
  @HttpCode(200)
  @Requires('deliveries:write')
  @Fails(new DeliveryTransitionError({ status: 'in_transit', closed: false }, 'assign'))
  assign(@Me() me: Caller, @Id() id: string, @Body() body: AssignBody): Promise<DeliveryView> {
    return this.deliveries.assign(me.merchantId, id, me, body);
  }

  /** The driver sets out, and the order with it. The customer is sent a code and a link to follow the way. */
  @Post(':id/start')
  @HttpCode(200)
  @Requires('deliveries:write')
  @Fails(new DeliveryTransitionError({ status: 'delivered', closed: true }, 'start'))
  start(@Me() me: Caller, @Id() id: string): Promise<DeliveryView> {
    return this.fulfilment.start(me.merchantId, id, me);
  }

  /** Where the driver is now, as often as the phone likes. */
  @Post(':id/location')
  @HttpCode(200)
  @Requires('deliveries:write')
  @CountsAs('nothing')
  @Fails(new NotInTransitError('assigned'))
  locate(@Me() me: Caller, @Id() id: string, @Body() body: LocationBody): Promise<LocatedView> {
    return this.deliveries.locate(me.merchantId, id, me, body);
  }

  /** A photo of what is handed over, as `POST /api/media/upload` takes it. Its id completes the delivery. */
  @Post(':id/photo')
  @TakesAFile('deliveries:write', new NotInTransitError('assigned'))
  photo(@Me() me: Caller, @Id() id: string, @Req() { body }: FastifyRequest): Promise<MediaView> {
    const { file, declared } = body as Upload;
    return this.photos.keep(me.merchantId, id, me, file, declared);
  }

  /** The customer has it, as the code shows that they were sent, or a photo. The order is delivered too. Five wrong codes: none is taken for 15 minutes. */
  @Post(':id/complete')
  @HttpCode(200)
  @Requires('deliveries:write')
  @Fails(
    new DeliveryTransitionError({ status: 'assigned', closed: false }, 'complete'),
    new WrongCodeError(4),
    new CodeLockedError(900),
  )
  complete(@Me() me: Caller, @Id() id: string, @Body() body: CompleteBody): Promise<DeliveryView> {
    return this.fulfilment.complete(me.merchantId, id, me, body);
  }

  /** It comes back. The order stays on its way, for another try. */
  @Post(':id/fail')
  @HttpCode(200)
  @Requires('deliveries:write')
  @Fails(new DeliveryTransitionError({ status: 'pending', closed: false }, 'fail'))
  fail(@Me() me: Caller, @Id() id: string, @Body() { reason }: FailBody): Promise<DeliveryView> {
    return this.deliveries.fail(me.merchantId, id, me, reason);
  }

  /** One that failed waits for a driver again. Not for drivers. */
  @Post(':id/retry')
  @HttpCode(200)
  @Requires('deliveries:write')
  @Fails(new DeliveryTransitionError({ status: 'delivered', closed: true }, 'retry'))
  retry(@Me() me: Caller, @Id() id: string): Promise<DeliveryView> {
    return this.deliveries.retry(me.merchantId, id, me);
  }
}
