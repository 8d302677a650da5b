import { Controller, Get, HttpStatus, Inject, Res } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { SystemDb } from '@soko/database';
import { Requires } from '@soko/identity';
import { MEDIA_STORE, type MediaStore } from '@soko/media';
import { QUEUE_SET } from '@soko/queues';
import type { Queue } from 'bullmq';
import type { FastifyReply } from 'fastify';
import { HealthPartView, HealthView, ReadinessView } from './health.dto.js';
import { CountsAs } from './rate-limit.guard.js';

const PATIENCE_MS = 2_000;
const AWAY: ReadinessView = {
  status: 'down',
  parts: {
    database: { status: 'down', latencyMs: 2_000 },
    queue: { status: 'ok', latencyMs: 2 },
    storage: { status: 'ok', latencyMs: 1 },
  },
};

@ApiTags('Health')
@Controller('health')
@Requires('public')
@CountsAs('nothing')
export class HealthController {
  constructor(
    private readonly system: SystemDb,
    @Inject(QUEUE_SET) private readonly queues: Map<string, Queue>,
    @Inject(MEDIA_STORE) private readonly media: MediaStore,
  ) {}

  @Get()
  health(): HealthView {
    return { status: 'ok' };
  }

  /** Whether the process answers at all. */
  @Get('live')
  live(): HealthView {
    return { status: 'ok' };
  }

  /** Each part that requests need, with its latency; 503 while one is away. */
  @Get('ready')
  @ApiResponse({ status: 503, type: ReadinessView, example: AWAY })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<ReadinessView> {
    const [database, queue, storage] = await Promise.all([
      probe(() => this.system.query('SELECT 1 AS one')),
      probe(() => this.queues.get('order_processing')!.getWaitingCount()),
      probe(() => this.media.probe()),
    ]);
    const ok = [database, queue, storage].every(({ status }) => status === 'ok');
    if (!ok) void reply.status(HttpStatus.SERVICE_UNAVAILABLE);
    return { status: ok ? 'ok' : 'down', parts: { database, queue, storage } };
  }
}

async function probe(work: () => Promise<unknown>): Promise<HealthPartView> {
  const started = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  const status = await Promise.race([Promise.resolve().then(work), late]).then(
    () => 'ok' as const,
    () => 'down' as const,
  );
  clearTimeout(timer);
  return { status, latencyMs: Math.round(performance.now() - started) };
}
