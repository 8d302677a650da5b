import { Injectable } from '@nestjs/common';
import { SystemDb } from '@soko/database';
import type { BreakerView } from './breaker.dto.js';

interface Row {
  name: string;
  state: BreakerView['state'];
  open_until: Date | null;
  trips: number;
  reason: string | null;
  changed_at: Date;
}

/** What the breakers of all processes have agreed on, for ops. */
@Injectable()
export class BreakerService {
  constructor(private readonly system: SystemDb) {}

  async list(): Promise<BreakerView[]> {
    const rows = await this.system.query<Row>(
      'SELECT name, state, open_until, trips, reason, changed_at FROM breakers ORDER BY name',
    );
    return rows.map((row) => ({
      name: row.name,
      state: row.state,
      ...(row.open_until ? { openUntil: row.open_until.toISOString() } : {}),
      trips: row.trips,
      ...(row.reason ? { reason: row.reason } : {}),
      changedAt: row.changed_at.toISOString(),
    }));
  }
}
