import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { TrackingLinkError } from '@soko/deliveries';
import { Requires } from '@soko/identity';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Name } from './input.pipe.js';
import { Fails } from './openapi/decorators.js';
import { CountsAs } from './rate-limit.guard.js';
import { TrackingPages } from './tracking/tracking-pages.js';

export class TrackingStateView {
  /** waiting, in_transit, delivered, failed or cancelled. @example in_transit */
  status!: string;
  /** As the crow flies, where both ends are known. @example 2400 */
  distanceMeters?: number;
  /** At a guess. @example 9 */
  minutes?: number;
  /** The part of the page that changes. @example "<p>Tapiwa is on the way to you.</p>" */
  html!: string;
}

/** The customer’s page, for whoever has its link: the token has 160 random bits and dies a day after the delivery has ended. */
@ApiTags('Deliveries')
@Controller('track')
@Requires('public')
// An open page asks every few seconds.
@CountsAs('nothing')
export class TrackingController {
  constructor(private readonly pages: TrackingPages) {}

  @Get(':token')
  @ApiExcludeEndpoint()
  page(@Name('token') token: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.pages.page(token, request, reply);
  }

  /** What the customer’s page `GET /track/{token}` shows now. With the last `ETag` in `If-None-Match`, 304 while nothing has changed. */
  @Get(':token/state')
  @ApiOkResponse({ type: TrackingStateView })
  @Fails(new TrackingLinkError())
  state(@Name('token') token: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.pages.state(token, request, reply);
  }
}
