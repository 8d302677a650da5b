import { Injectable } from '@nestjs/common';
import { AppError } from '@soko/common';
import { Tenancy, type TenantTx } from '@soko/database';
import { type By, type CompleteBody, DeliveryService, type DeliveryView, ProofError } from '@soko/deliveries';
import { OrderRepository } from './order.repository.js';
import { type LockedOrder, phaseOf } from './order.row.js';
import { type OrderAction, transition } from './order-state.js';
import { OrderService } from './order.service.js';

/**
 * The steps of a delivery that its order takes too: one commit, with the order locked before its delivery, as everywhere. `at` is a
 * merchant's id, or the transaction that is open already.
 */
@Injectable()
export class FulfilmentService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly orders: OrderRepository,
    private readonly service: OrderService,
    private readonly deliveries: DeliveryService,
  ) {}

  /** Somebody sets out with it. At another try its order is on the way already. @throws NotFoundError, DeliveryTransitionError */
  start(at: string | TenantTx, id: string, by: By): Promise<DeliveryView> {
    return this.tenancy.within(at, async (tx) => {
      const order = await this.lockOrder(tx, id, by);
      const delivery = await this.deliveries.start(tx, id, by);
      await this.drive(tx, order, ['prepare', 'dispatch'], by);
      return delivery;
    });
  }

  /**
   * The customer has the goods, as the code or a photo shows: they leave the stock.
   * @throws NotFoundError, DeliveryTransitionError, ProofError, WrongCodeError, CodeLockedError, NoCodeError, NotAPhotoError
   */
  async complete(merchantId: string, id: string, by: By, proof: CompleteBody): Promise<DeliveryView> {
    const { code } = oneOf(proof);
    // Apart, because a wrong try counts although the call comes to nothing.
    const refusal = code && (await this.tenancy.apart(merchantId, (tx) => this.deliveries.tryCode(tx, id, by, code)));
    if (refusal) throw refusal;
    const done = await this.tenancy.run(merchantId, (tx) => this.handOver(tx, id, by, proof));
    if (done instanceof AppError) throw done;
    return done;
  }

  /** `complete` in an open transaction: a refused code is an answer there, for its try must stand. @throws as `complete`, but for that */
  async handOver(tx: TenantTx, id: string, by: By, proof: CompleteBody): Promise<DeliveryView | AppError> {
    const { code, mediaId } = oneOf(proof);
    const order = await this.lockOrder(tx, id, by);
    const refusal = code === undefined ? undefined : await this.deliveries.tryCode(tx, id, by, code);
    if (refusal) return refusal;
    const delivery = await this.deliveries.complete(tx, id, by, mediaId);
    await this.drive(tx, order, ['deliver'], by);
    return delivery;
  }

  private async lockOrder(tx: TenantTx, id: string, by: By): Promise<LockedOrder> {
    return (await this.orders.lock(tx, await this.deliveries.orderOf(tx, id, by)))!;
  }

  /** Takes those of `actions` that lie before the order. */
  private async drive(tx: TenantTx, order: LockedOrder, actions: OrderAction[], by: By): Promise<void> {
    let at = order;
    for (const action of actions) {
      if (transition(phaseOf(at), action)) at = await this.service.step(tx, at, action, by.id, null);
    }
  }
}

/** @throws ProofError */
function oneOf(proof: CompleteBody): CompleteBody {
  if ((proof.code === undefined) === (proof.mediaId === undefined)) throw new ProofError();
  return proof;
}
