import { Controller, Get, HttpStatus, Inject, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { SystemDb } from '@soko/database';
import { Requires } from '@soko/identity';
import { QUEUE_SET } from '@soko/queues';
import type { Queue } from 'bullmq';
import type { FastifyReply } from 'fastify';

interface Part {
  status: 'ok' | 'down';
  latencyMs: number;
}

@ApiTags('Ops')
@Controller('health')
@Requires('public')
export class HealthController {
  constructor(
    private readonly system: SystemDb,
    @Inject(QUEUE_SET) private readonly queues: Map<string, Queue>,
  ) {}

  @Get()
  health() {
    return { status: 'ok' };
  }

  @Get('live')
  live() {
    return { status: 'ok' };
  }

  /** 503 while a part that requests need is away. */
  @Get('ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply) {
    const [database, queue] = await Promise.all([
      probe(() => this.system.run((tx) => tx.query('SELECT 1'))),
      probe(() => this.queues.get('order_processing')!.getWaitingCount()),
    ]);
    const ok = database.status === 'ok' && queue.status === 'ok';
    if (!ok) void reply.status(HttpStatus.SERVICE_UNAVAILABLE);
    return { status: ok ? 'ok' : 'down', parts: { database, queue } };
  }
}

async function probe(work: () => Promise<unknown>): Promise<Part> {
  const started = performance.now();
  const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Error('no answer within 2 s')), 2_000).unref());
  const status = await Promise.race([Promise.resolve().then(work), late]).then(
    () => 'ok' as const,
    () => 'down' as const,
  );
  return { status, latencyMs: Math.round(performance.now() - started) };
}
