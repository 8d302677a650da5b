import { createHash, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { newId, NotFoundError } from '@soko/common';
import { publicUrl, Settings } from '@soko/config';
import { deliveryAssigned, deliveryCompleted, deliveryFailed, deliveryStarted } from '@soko/contracts';
import { Sealer, type TenantTx } from '@soko/database';
import type { Caller } from '@soko/identity';
import type { DeepPartial, FindOptionsWhere } from 'typeorm';
import { DeliveryTransitionError } from './deliveries.errors.js';
import { newCode } from './delivery-code.js';
import { closes, type DeliveryAction, type DeliveryStatus, deliveryTransition } from './delivery-state.js';
import { DeliveryTask, type Destination } from './delivery.entity.js';
import type { DeliveryHistoryRow, OrderFacts } from './delivery.row.js';
import { driverOf } from './delivery.view.js';

/** Who acts. A driver knows the deliveries that were given to him, and no others. */
export type By = Pick<Caller, 'id' | 'role'>;

const CODE = 'delivery_tasks.code';
const TOKEN = 'delivery_tasks.tracking_token';

/** What is stored of a token. It has 160 random bits, so a plain hash says nothing of it. */
export const hashOfToken = (token: string): Buffer => createHash('sha256').update(token).digest();

export const stateOf = (task: DeliveryTask) => ({ status: task.status, closed: task.closedAt !== null });

/** How deliveries are kept: each step with its history and its event, in one go. */
@Injectable()
export class DeliveryStore {
  constructor(
    private readonly sealer: Sealer,
    private readonly settings: Settings,
  ) {}

  /** One per order, however often it is asked for. */
  create(tx: TenantTx, orderId: string, destination: Destination | null, actor: string): void {
    tx.write(
      `WITH made AS (
         INSERT INTO delivery_tasks (merchant_id, id, order_id, destination) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING 1
       )
       INSERT INTO delivery_history (merchant_id, delivery_id, to_status, actor) SELECT $1, $2, 'pending', $5 FROM made`,
      [tx.merchantId, newId(), orderId, destination ? JSON.stringify(destination) : null, actor],
    );
  }

  /** @param lock until the transaction ends nobody else moves it. @throws NotFoundError, for a driver also of what is another's */
  async find(tx: TenantTx, id: string, by: By, lock = false): Promise<DeliveryTask> {
    const where = { merchantId: tx.merchantId, id, ...(by.role === 'driver' ? { driverId: by.id } : {}) };
    const task = await this.one(tx, where, lock);
    if (!task) throw new NotFoundError('delivery', id);
    return task;
  }

  async ofOrder(tx: TenantTx, orderId: string, lock = false): Promise<DeliveryTask | undefined> {
    return (await this.one(tx, { merchantId: tx.merchantId, orderId }, lock)) ?? undefined;
  }

  async orders(tx: TenantTx, ids: string[]): Promise<Map<string, OrderFacts>> {
    const rows = await tx.query<OrderFacts & { id: string }>(
      'SELECT id, number, customer_phone, customer_name FROM orders WHERE merchant_id = $1 AND id = ANY ($2::uuid[])',
      [tx.merchantId, ids],
    );
    return new Map(rows.map((row) => [row.id, row]));
  }

  history(tx: TenantTx, id: string): Promise<DeliveryHistoryRow[]> {
    return tx.query('SELECT * FROM delivery_history WHERE merchant_id = $1 AND delivery_id = $2 ORDER BY id', [
      tx.merchantId,
      id,
    ]);
  }

  /**
   * Moves a locked delivery, notes who did it, and tells of it.
   * @param change what else is new with this step
   * @throws DeliveryTransitionError
   */
  async move(
    tx: TenantTx,
    task: DeliveryTask,
    action: DeliveryAction,
    actor: string,
    change: DeepPartial<DeliveryTask> & { reason?: string } = {},
  ): Promise<DeliveryTask> {
    const to = deliveryTransition(stateOf(task), action);
    if (!to) throw new DeliveryTransitionError(stateOf(task), action);
    const moved: DeliveryTask = Object.assign(new DeliveryTask(), task, {
      reason: null,
      ...(action === 'start' ? this.setOut(task) : {}),
      // A code is for the one way that it was made for.
      ...(to === 'in_transit' ? {} : { code: null, wrongCodes: 0, codeLockedUntil: null }),
      ...(closes(action) ? { closedAt: new Date() } : {}),
      ...change,
      status: to,
      updatedAt: new Date(),
    });
    const { merchantId, id, ...columns } = moved;
    await tx.manager.update(DeliveryTask, { merchantId, id }, columns);
    await tx.query(
      `INSERT INTO delivery_history (merchant_id, delivery_id, from_status, to_status, driver_name, actor, reason)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [merchantId, id, task.status, to, moved.driverName, actor, moved.reason],
    );
    await this.tell(tx, task.status, moved);
    return moved;
  }

  /** What the customer must know of a driver who is on the way; nothing when there is none, or was none when there were no codes yet. */
  wordsFor(task: DeliveryTask): { code: string; trackingUrl: string } | undefined {
    const trackingUrl = this.trackingUrl(task);
    return task.code && trackingUrl ? { code: this.codeOf(task)!, trackingUrl } : undefined;
  }

  codeOf(task: DeliveryTask): string | undefined {
    return task.code === null ? undefined : this.sealer.open(task.code, task.merchantId, CODE);
  }

  trackingUrl(task: DeliveryTask): string | undefined {
    if (task.trackingToken === null) return undefined;
    return `${publicUrl(this.settings)}/track/${this.sealer.open(task.trackingToken, task.merchantId, TOKEN)}`;
  }

  /** Each way has a code of its own; the link stays the same. */
  private setOut(task: DeliveryTask): Partial<DeliveryTask> {
    const { merchantId } = task;
    const token = task.trackingToken ? undefined : randomBytes(20).toString('hex');
    return {
      attempt: task.attempt + 1,
      startedAt: new Date(),
      code: this.sealer.seal(newCode(), merchantId, CODE),
      wrongCodes: 0,
      codeLockedUntil: null,
      ...(token ? { trackingHash: hashOfToken(token), trackingToken: this.sealer.seal(token, merchantId, TOKEN) } : {}),
      latitude: null,
      longitude: null,
      accuracy: null,
      locatedAt: null,
    };
  }

  private async tell(tx: TenantTx, from: DeliveryStatus, task: DeliveryTask): Promise<void> {
    const order = (await this.orders(tx, [task.orderId])).get(task.orderId)!;
    const data = {
      deliveryId: task.id,
      orderId: task.orderId,
      orderNumber: order.number,
      customerPhone: order.customer_phone,
      ...(order.customer_name ? { customerName: order.customer_name } : {}),
      ...driverOf(task),
      attempt: task.attempt,
    };
    if (task.status === 'assigned') tx.outbox.emit(deliveryAssigned, data);
    if (task.status === 'in_transit') tx.outbox.emit(deliveryStarted, { ...data, trackingUrl: this.trackingUrl(task)! });
    if (task.status === 'delivered')
      tx.outbox.emit(deliveryCompleted, { ...data, proof: task.proof!, ...(task.photoId ? { photoId: task.photoId } : {}) });
    // That no further try follows is told by the order.
    if (task.status === 'failed' && from !== 'failed') tx.outbox.emit(deliveryFailed, { ...data, reason: task.reason! });
  }

  private one(tx: TenantTx, where: FindOptionsWhere<DeliveryTask>, lock: boolean): Promise<DeliveryTask | null> {
    return tx.manager.findOne(DeliveryTask, { where, ...(lock ? { lock: { mode: 'pessimistic_write' } } : {}) });
  }
}
