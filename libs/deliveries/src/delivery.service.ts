import { Injectable } from '@nestjs/common';
import { type AppError, decodeCursor, NotFoundError, type Page, pageOf } from '@soko/common';
import type { OrderStatus } from '@soko/contracts';
import { Tenancy, type TenantTx } from '@soko/database';
import { ForbiddenError, TeamService } from '@soko/identity';
import { In, LessThan } from 'typeorm';
import {
  CodeLockedError,
  DeliveryTransitionError,
  NoCodeError,
  NotAPhotoError,
  NotInTransitError,
  UnknownDriverError,
  WrongCodeError,
} from './deliveries.errors.js';
import { isSameCode, LOCK_MINUTES, MAX_WRONG_CODES } from './delivery-code.js';
import { deliveryTransition, followingAction } from './delivery-state.js';
import type { AssignBody, DeliveryDetailView, DeliveryQuery, DeliveryView, LocatedView, LocationBody } from './delivery.dto.js';
import { DeliveryTask, type Destination } from './delivery.entity.js';
import { type By, DeliveryStore, stateOf } from './delivery.store.js';
import { historyView, viewOf } from './delivery.view.js';

/**
 * Who brings what where. `at` is a merchant's id, or the transaction that is open already. Whatever moves the order too (to set out,
 * to hand over) is `FulfilmentService`'s, in `@soko/orders`.
 */
@Injectable()
export class DeliveryService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly store: DeliveryStore,
    private readonly team: TeamService,
  ) {}

  /** Newest first; a driver sees what was given to him. @throws NotFoundError for a `driver` who is not in the team */
  async list(at: string | TenantTx, by: By, { limit, cursor, status, driver }: DeliveryQuery): Promise<Page<DeliveryView>> {
    const before = decodeCursor(cursor, 'id')?.[0];
    const drivers = by.role === 'driver' ? [by.id].filter((id) => (driver ?? id) === id) : driver && [driver];
    return this.tenancy.within(at, async (tx) => {
      if (driver && !(await this.team.find(tx, driver))) throw new NotFoundError('user', driver);
      const tasks = await tx.manager.find(DeliveryTask, {
        where: {
          merchantId: tx.merchantId,
          ...(status ? { status } : {}),
          ...(drivers ? { driverId: In(drivers) } : {}),
          ...(before ? { id: LessThan(before) } : {}),
        },
        order: { id: 'DESC' },
        take: limit + 1,
      });
      const orders = await this.store.orders(
        tx,
        tasks.map((task) => task.orderId),
      );
      return pageOf(
        tasks,
        limit,
        (task) => viewOf(task, orders.get(task.orderId)!),
        (task) => [task.id],
      );
    });
  }

  /** @throws NotFoundError */
  get(at: string | TenantTx, id: string, by: By): Promise<DeliveryDetailView> {
    return this.tenancy.within(at, async (tx) => {
      const task = await this.store.find(tx, id, by);
      const trackingUrl = this.store.trackingUrl(task);
      const history = await this.store.history(tx, id);
      return { ...(await this.view(tx, task)), ...(trackingUrl ? { trackingUrl } : {}), history: history.map(historyView) };
    });
  }

  /**
   * Gives it to somebody, or to somebody else, until they set out with it.
   * @throws NotFoundError, UnknownDriverError, DeliveryTransitionError; ForbiddenError for drivers
   */
  async assign(at: string | TenantTx, id: string, by: By, { driverId }: AssignBody): Promise<DeliveryView> {
    mustDispatch(by);
    return this.tenancy.within(at, async (tx) => {
      const task = await this.store.find(tx, id, by, true);
      const driver = await this.team.find(tx, driverId);
      if (!driver) throw new UnknownDriverError(driverId);
      return this.view(tx, await this.store.move(tx, task, 'assign', by.id, { driverId, driverName: driver.name }));
    });
  }

  /** One that failed waits for a driver again. @throws NotFoundError, DeliveryTransitionError; ForbiddenError for drivers */
  async retry(at: string | TenantTx, id: string, by: By): Promise<DeliveryView> {
    mustDispatch(by);
    return this.tenancy.within(at, async (tx) => {
      const task = await this.store.find(tx, id, by, true);
      return this.view(tx, await this.store.move(tx, task, 'retry', by.id, { driverId: null, driverName: null }));
    });
  }

  /** The driver has come back with the goods; the order stays on its way. @throws NotFoundError, DeliveryTransitionError */
  fail(at: string | TenantTx, id: string, by: By, reason: string): Promise<DeliveryView> {
    return this.tenancy.within(at, async (tx) => {
      const task = await this.store.find(tx, id, by, true);
      return this.view(tx, await this.store.move(tx, task, 'fail', by.id, { reason }));
    });
  }

  /** Where the driver is: at most one position in ten seconds is kept. @throws NotFoundError, NotInTransitError */
  locate(at: string | TenantTx, id: string, by: By, position: LocationBody): Promise<LocatedView> {
    return this.tenancy.within(at, async (tx) => {
      const { status } = await this.store.find(tx, id, by);
      if (status !== 'in_transit') throw new NotInTransitError(status);
      const { latitude, longitude, accuracy = null } = position;
      const kept = await tx.query(KEEP_POSITION, [tx.merchantId, id, latitude, longitude, accuracy]);
      return { kept: kept.length > 0 };
    });
  }

  /** The order that it is of, for whoever must lock that first. @throws NotFoundError */
  async orderOf(tx: TenantTx, id: string, by: By): Promise<string> {
    return (await this.store.find(tx, id, by)).orderId;
  }

  /** With its order locked. @throws NotFoundError, DeliveryTransitionError */
  async start(tx: TenantTx, id: string, by: By): Promise<DeliveryView> {
    const task = await this.store.find(tx, id, by, true);
    return this.view(tx, await this.store.move(tx, task, 'start', by.id));
  }

  /**
   * Looks at a code that the driver was told. A wrong one counts, so it is an answer and no exception: the transaction must stand.
   * @throws NotFoundError, DeliveryTransitionError, NoCodeError
   */
  async tryCode(tx: TenantTx, id: string, by: By, given: string): Promise<AppError | undefined> {
    const task = await this.store.find(tx, id, by, true);
    if (!deliveryTransition(stateOf(task), 'complete')) throw new DeliveryTransitionError(stateOf(task), 'complete');
    const code = this.store.codeOf(task);
    if (code === undefined) throw new NoCodeError();
    const locked = ((task.codeLockedUntil?.getTime() ?? 0) - Date.now()) / 1_000;
    if (locked > 0) return new CodeLockedError(Math.ceil(locked));
    if (isSameCode(given, code)) return undefined;
    const wrong = task.wrongCodes + 1;
    const full = wrong >= MAX_WRONG_CODES;
    await tx.manager.update(
      DeliveryTask,
      { merchantId: tx.merchantId, id },
      { wrongCodes: full ? 0 : wrong, codeLockedUntil: full ? new Date(Date.now() + LOCK_MINUTES * 60_000) : null },
    );
    return new WrongCodeError(MAX_WRONG_CODES - wrong);
  }

  /**
   * The customer has the goods. With its order locked, and the code looked at.
   * @param photoId in place of the code
   * @throws NotFoundError, DeliveryTransitionError, NotAPhotoError
   */
  async complete(tx: TenantTx, id: string, by: By, photoId?: string): Promise<DeliveryView> {
    const task = await this.store.find(tx, id, by, true);
    if (photoId) await mustBePhoto(tx, photoId);
    const proof = photoId ? ({ proof: 'photo', photoId } as const) : ({ proof: 'code' } as const);
    return this.view(tx, await this.store.move(tx, task, 'complete', by.id, proof));
  }

  /** What an order's new status means for its delivery. With the order locked. */
  async follow(
    tx: TenantTx,
    { id, delivery }: { id: string; delivery: Destination | null },
    status: OrderStatus,
    actor: string,
  ): Promise<void> {
    if (status === 'confirmed') return this.store.create(tx, id, delivery, actor);
    const task = await this.store.ofOrder(tx, id, true);
    const action = task && followingAction(stateOf(task), status);
    if (!action) return;
    await this.store.move(tx, task, action, actor, {
      ...(action === 'settle' ? { proof: 'none' } : {}),
      ...(action === 'drop' ? { reason: 'the order was cancelled' } : {}),
    });
  }

  async ofOrder(tx: TenantTx, orderId: string): Promise<DeliveryView | undefined> {
    const task = await this.store.ofOrder(tx, orderId);
    return task && this.view(tx, task);
  }

  /** What the customer is to be told of the driver who is on the way now. Secret to everybody else, the driver above all. */
  async wordsFor(tx: TenantTx, orderId: string): Promise<{ code: string; trackingUrl: string; driver?: string } | undefined> {
    const task = await this.store.ofOrder(tx, orderId);
    const words = task && this.store.wordsFor(task);
    return words && { ...words, ...(task.driverName ? { driver: task.driverName } : {}) };
  }

  private async view(tx: TenantTx, task: DeliveryTask): Promise<DeliveryView> {
    return viewOf(task, (await this.store.orders(tx, [task.orderId])).get(task.orderId)!);
  }
}

/** Who goes where is not for drivers to say. */
function mustDispatch(by: By): void {
  if (by.role === 'driver') throw new ForbiddenError('agent', 'user');
}

/** @throws NotAPhotoError */
async function mustBePhoto(tx: TenantTx, mediaId: string): Promise<void> {
  const [file] = await tx.query<{ kind: string; status: string }>(
    `SELECT f.kind, b.status FROM media_files f JOIN media_blobs b ON b.merchant_id = f.merchant_id AND b.id = f.blob_id
     WHERE f.merchant_id = $1 AND f.id = $2 FOR KEY SHARE OF f`,
    [tx.merchantId, mediaId],
  );
  if (file?.kind !== 'image' || file.status === 'failed')
    throw new NotAPhotoError('mediaId', `${mediaId} is no picture of yours`);
}

/** By the database's clock, and by one update: of several at once one is kept. */
const KEEP_POSITION = `
  WITH kept AS (
    UPDATE delivery_tasks SET latitude = $3, longitude = $4, accuracy = $5, located_at = now()
    WHERE merchant_id = $1 AND id = $2 AND status = 'in_transit' AND (located_at IS NULL OR located_at <= now() - interval '10 seconds')
    RETURNING attempt
  )
  INSERT INTO delivery_positions (merchant_id, delivery_id, attempt, at, latitude, longitude, accuracy)
  SELECT $1, $2, attempt, now(), $3::float8, $4::float8, $5::float8 FROM kept RETURNING at`;
