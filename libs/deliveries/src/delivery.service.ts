import { Injectable } from '@nestjs/common';
import { decodeCursor, newId, type Page, pageOf, type PageQuery } from '@soko/common';
import { Tenancy, type TenantTx } from '@soko/database';
import { LessThan } from 'typeorm';
import { type DeliveryStatus, DeliveryTask, type Destination } from './delivery.entity.js';

export class DeliveryView {
  id!: string;
  orderId!: string;
  status!: DeliveryStatus;
  destination?: Destination;
  createdAt!: string;
}

@Injectable()
export class DeliveryService {
  constructor(private readonly tenancy: Tenancy) {}

  /** The task of a confirmed order. There is one per order, however often it is asked for. */
  async createTask(tx: TenantTx, orderId: string, destination: Destination | null): Promise<void> {
    await tx.manager
      .createQueryBuilder()
      .insert()
      .into(DeliveryTask)
      .values({ merchantId: tx.merchantId, id: newId(), orderId, status: 'pending', destination })
      .orIgnore()
      .execute();
  }

  /** Nothing is to be delivered any more. */
  async dropTask(tx: TenantTx, orderId: string): Promise<void> {
    await tx.manager.delete(DeliveryTask, { merchantId: tx.merchantId, orderId, status: 'pending' });
  }

  async ofOrder(tx: TenantTx, orderId: string): Promise<DeliveryView | undefined> {
    const task = await tx.manager.findOneBy(DeliveryTask, { merchantId: tx.merchantId, orderId });
    return task ? view(task) : undefined;
  }

  /** Newest first. */
  async list(merchantId: string, query: PageQuery): Promise<Page<DeliveryView>> {
    const after = decodeCursor(query.cursor, 'id');
    const rows = await this.tenancy.run(merchantId, (tx) =>
      tx.manager.find(DeliveryTask, {
        where: { merchantId, ...(after ? { id: LessThan(after[0]!) } : {}) },
        order: { id: 'DESC' },
        take: query.limit + 1,
      }),
    );
    return pageOf(rows, query.limit, view, (row) => [row.id]);
  }
}

function view(task: DeliveryTask): DeliveryView {
  return {
    id: task.id,
    orderId: task.orderId,
    status: task.status,
    ...(task.destination ? { destination: task.destination } : {}),
    createdAt: task.createdAt.toISOString(),
  };
}
