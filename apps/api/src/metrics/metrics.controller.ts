import { Controller, Get, Header, Injectable, type CanActivate, type ExecutionContext, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { AppError } from '@soko/common';
import { Settings } from '@soko/config';
import { Requires } from '@soko/identity';
import { mayScrape } from '@soko/observability';
import type { FastifyRequest } from 'fastify';
import { CountsAs } from '../rate-limit.guard.js';
import { PlatformMetrics } from './platform-metrics.js';

class ScrapeRefusedError extends AppError {
  constructor() {
    super(
      401,
      'metrics_token',
      'Send METRICS_TOKEN as "Authorization: Bearer <token>"; without one set, only this machine is answered, and nobody in production.',
    );
  }
}

@Injectable()
export class ScrapeGuard implements CanActivate {
  constructor(private readonly settings: Settings) {}

  canActivate(context: ExecutionContext): true {
    const { headers, socket } = context.switchToHttp().getRequest<FastifyRequest>();
    if (mayScrape(this.settings, { authorization: headers.authorization, address: socket.remoteAddress })) return true;
    throw new ScrapeRefusedError();
  }
}

/** For Prometheus alone, and so in no documentation of the api: docs/operations.md has it. */
@ApiExcludeController()
@Controller('metrics')
@Requires('public')
@CountsAs('nothing')
@UseGuards(ScrapeGuard)
export class MetricsController {
  constructor(private readonly metrics: PlatformMetrics) {}

  @Get()
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  @Header('cache-control', 'no-store')
  read(): Promise<string> {
    return this.metrics.read();
  }
}
