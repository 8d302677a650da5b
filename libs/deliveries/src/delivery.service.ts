import { Injectable } from '@nestjs/common';
import { newId, type Page, type PageQuery } from '@soko/common';
import { findPage, Tenancy, type TenantTx } from '@soko/database';
import type { DeliveryView } from './delivery.dto.js';
import { DeliveryTask, type Destination } from './delivery.entity.js';

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
    return this.tenancy.run(merchantId, (tx) => findPage(tx, DeliveryTask, query, view, 'DESC'));
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
