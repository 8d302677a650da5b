import { Injectable } from '@nestjs/common';
import { decodeCursor, type Money, multiply, NotFoundError, type Page, pageOf, sum } from '@soko/common';
import { type Shortage, StockService } from '@soko/catalog';
import { Settings } from '@soko/config';
import { orderCreated, orderHeld, orderHoldEnded, orderStatusChanged, processOrder } from '@soko/contracts';
import { Tenancy, type TenantTx } from '@soko/database';
import { DeliveryService } from '@soko/deliveries';
import { type Balance, PaymentService } from '@soko/payments';
import { OrderRepository, type PricedProduct } from './order.repository.js';
import {
  type CustomerOrder,
  historyView,
  type ItemRow,
  itemView,
  type LockedOrder,
  type OrderRow,
  phaseOf,
  summaryView,
  titleOf,
  totalOf,
} from './order.row.js';
import { dueStep, type DueStep, type OrderAction, type OrderPhase, transition } from './order-state.js';
import { InvalidTransitionError, TotalTooLargeError, UnknownProductError } from './orders.errors.js';
import type { OrderQuery, OrderSummaryView, OrderView, PlacedOrderView, PlaceOrderBody } from './orders.dto.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Why an order takes a step by itself. */
const REASONS: Partial<Record<DueStep, string>> = {
  hold: 'Reserved until it is paid',
  lapse: 'Not paid in time: the goods are for sale again',
  cancel: 'it was not paid',
};

@Injectable()
export class OrderService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly orders: OrderRepository,
    private readonly stock: StockService,
    private readonly deliveries: DeliveryService,
    private readonly payments: PaymentService,
    private readonly settings: Settings,
  ) {}

  /**
   * Takes an order in: prices are frozen here, stock is reserved by `process`.
   * @param actor `bot`, or the id of the user who placed it.
   * @param chatId the chat that it comes out of, where the customer then hears of it.
   * @throws UnknownProductError, TotalTooLargeError, PaymentMethodUnavailableError
   */
  async place(tx: TenantTx, body: PlaceOrderBody, actor: string, chatId?: string): Promise<PlacedOrderView> {
    const method = body.paymentMethod ?? 'cash_on_delivery';
    const [products] = await Promise.all([
      this.orders.products(tx, [...new Set(body.items.map((i) => i.productId))]),
      this.payments.check(tx, method),
    ]);
    const { items, total } = priced(body, new Map(products.map((p) => [p.id, p])));
    const { currency } = total;
    const row = await this.orders.insert(
      tx,
      {
        customer_phone: body.customer.phone,
        customer_name: body.customer.name ?? null,
        channel_id: body.channelId ?? null,
        chat_id: chatId ?? null,
        delivery: body.delivery ?? null,
        payment_method: method,
        note: body.note ?? null,
        total_amount: total.amount,
        currency,
      },
      items,
    );
    this.orders.noteCreation(tx, row.id, actor);
    tx.outbox.emit(orderCreated, {
      ...eventData(row),
      items: items.map(({ product_id, sku, name, quantity, unit_amount }) => ({
        productId: product_id,
        sku,
        name,
        quantity,
        unitPrice: { amount: unit_amount, currency },
      })),
    });
    tx.wake(processOrder, { merchantId: tx.merchantId, orderId: row.id });
    return { id: row.id, number: row.number, status: row.status, total };
  }

  /** `place` in a transaction of its own. */
  placeFor(merchantId: string, body: PlaceOrderBody, actor: string): Promise<PlacedOrderView> {
    return this.tenancy.run(merchantId, (tx) => this.place(tx, body, actor));
  }

  /** Does what is due about a pending order, at once or when its time is over. A second call finds it done and changes nothing. */
  async process(merchantId: string, orderId: string): Promise<void> {
    await this.tenancy.run(merchantId, async (tx) => {
      const order = await this.orders.lock(tx, orderId);
      if (order?.status !== 'pending') return;
      const due = await this.due(tx, order);
      if (due === 'wait') return;
      if (due === 'hold' && !(await this.payments.accepts(tx, order.payment_method)))
        await this.step(tx, order, 'reject', 'system', 'it can no longer be paid that way');
      else await this.step(tx, order, due, 'system', REASONS[due] ?? null);
    });
  }

  /**
   * Money has come in for the order: it is confirmed once all of it is there. What is too much, or comes when the order has ended,
   * goes back.
   */
  async settle(tx: TenantTx, orderId: string): Promise<void> {
    const order = await this.orders.lock(tx, orderId);
    if (!order) return;
    const phase = phaseOf(order);
    if (phase === 'rejected' || phase === 'cancelled') return this.payments.end(tx, orderId, `the order is ${phase}`);
    const { due } = await this.payments.balance(tx, orderId, totalOf(order));
    if (due.amount > 0) return;
    await this.payments.withdraw(tx, orderId, 'the order is paid');
    if (order.status === 'pending') await this.step(tx, order, 'confirm', 'system', null);
    else await this.payments.giveBack(tx, orderId, order.total_amount, 'More was paid than the order costs');
  }

  /** `at` is a merchant's id, or the transaction that is open already. @throws NotFoundError, InvalidTransitionError */
  async act(at: string | TenantTx, id: string, action: OrderAction, actor: string, reason?: string): Promise<OrderView> {
    return this.tenancy.within(at, async (tx) => {
      const order = await this.orders.lock(tx, id);
      if (!order) throw new NotFoundError('order', id);
      await this.step(tx, order, action, actor, reason ?? null);
      return this.view(tx, (await this.orders.find(tx, id))!);
    });
  }

  async get(merchantId: string, id: string): Promise<OrderView> {
    return this.tenancy.run(merchantId, async (tx) => {
      const row = await this.orders.find(tx, id);
      if (!row) throw new NotFoundError('order', id);
      return this.view(tx, row);
    });
  }

  /** The order that people call by this number, if there is one, with where it goes: before it is confirmed it has no delivery. */
  async numbered(tx: TenantTx, number: number): Promise<(OrderView & Pick<CustomerOrder, 'destination'>) | undefined> {
    const row = await this.orders.numbered(tx, number);
    return row && { ...(await this.view(tx, row)), ...(row.delivery ? { destination: row.delivery } : {}) };
  }

  /** What events say of the order. @throws NotFoundError */
  async facts(tx: TenantTx, id: string): Promise<ReturnType<typeof eventData>> {
    const row = await this.orders.find(tx, id);
    if (!row) throw new NotFoundError('order', id);
    return eventData(row);
  }

  /** Newest first. `at` as for `act`. */
  async list(at: string | TenantTx, query: OrderQuery): Promise<Page<OrderSummaryView>> {
    const after = decodeCursor(query.cursor, 'number');
    const { limit, cursor: _, ...filter } = query;
    const below = after ? Number(after[0]) : undefined;
    return this.tenancy.within(at, async (tx) => {
      const rows = await this.orders.list(tx, { ...filter, below, limit: limit + 1 });
      const balances = await this.balances(tx, rows);
      return pageOf(
        rows,
        limit,
        (row) => summaryView(row, balances.get(row.id)!.status),
        (row) => [String(row.number)],
      );
    });
  }

  /** A customer's newest orders, newest first. @param phone only one that is proven to be theirs. */
  async newestOf(tx: TenantTx, customer: { chatId: string; phone: string | null }, limit: number): Promise<CustomerOrder[]> {
    const rows = await this.orders.newestOf(tx, customer, limit);
    // Most who write have ordered nothing yet.
    if (rows.length === 0) return [];
    const [balances, items] = await Promise.all([
      this.balances(tx, rows),
      this.orders.itemsOf(
        tx,
        rows.map(({ id }) => id),
      ),
    ]);
    return rows.map((row) => ({
      ...summaryView(row, balances.get(row.id)!.status),
      items: items.filter((item) => item.order_id === row.id).map((item) => itemView(item, row.currency)),
      ...(row.delivery ? { destination: row.delivery } : {}),
    }));
  }

  private balances(tx: TenantTx, rows: OrderRow[]): Promise<Map<string, Balance>> {
    return this.payments.balances(tx, new Map(rows.map((row) => [row.id, totalOf(row)])));
  }

  private async due(tx: TenantTx, order: OrderRow) {
    const prepaid = order.payment_method !== 'cash_on_delivery';
    const paid = prepaid && (await this.payments.balance(tx, order.id, totalOf(order))).due.amount === 0;
    return dueStep({ phase: phaseOf(order), prepaid, paid, heldUntil: order.held_until }, new Date());
  }

  /** One step of a locked order, with all that follows from it. @returns the order after it @throws InvalidTransitionError */
  async step(tx: TenantTx, order: LockedOrder, action: OrderAction, actor: string, reason: string | null): Promise<LockedOrder> {
    const next = transition(phaseOf(order), action);
    if (!next) throw new InvalidTransitionError(phaseOf(order), action);
    const { lines } = order;
    if (next.stock === 'reserve') {
      const short = await this.stock.reserve(tx, order.id, lines);
      if (short.length > 0) return this.step(tx, order, 'reject', actor, whatIsLeft(short));
    }
    if (next.stock === 'release') await this.stock.release(tx, order.id, lines, reason ?? undefined);
    if (next.stock === 'ship') await this.stock.ship(tx, order.id, lines);
    const moved = this.orders.move(tx, order, next.to, this.until(next.to), actor, reason);
    await this.follow(tx, order, moved, actor, reason);
    return moved;
  }

  /** What comes with a step besides the stock, and who is told. */
  private async follow(tx: TenantTx, before: OrderRow, order: OrderRow, actor: string, reason: string | null): Promise<void> {
    const phase = phaseOf(order);
    if (order.status !== before.status) {
      await this.deliveries.follow(tx, order, order.status, actor);
      tx.outbox.emit(orderStatusChanged, {
        ...eventData(order),
        previousStatus: before.status,
        ...(reason ? { reason } : {}),
      });
    }
    if (phase === 'held') await this.hold(tx, order);
    if (phase === 'lapsed')
      tx.outbox.emit(orderHoldEnded, { ...eventData(order), payableUntil: order.held_until!.toISOString() });
    if (phase === 'delivered' && order.payment_method === 'cash_on_delivery') await this.takeCash(tx, order);
    if (phase === 'cancelled' || phase === 'rejected') await this.payments.end(tx, order.id, reason ?? `the order is ${phase}`);
  }

  /** The goods are kept; now the money is asked for, until the order itself is given up. */
  private async hold(tx: TenantTx, order: OrderRow): Promise<void> {
    tx.outbox.emit(orderHeld, { ...eventData(order), heldUntil: order.held_until!.toISOString() });
    const { due } = await this.payments.balance(tx, order.id, totalOf(order));
    const expiresAt = new Date(order.held_until!.getTime() + this.settings.ORDER_LAPSE_HOURS * HOUR_MS);
    await this.payments.ask(
      tx,
      { id: order.id, title: titleOf(order) },
      { method: order.payment_method, amount: due, expiresAt },
    );
  }

  /** Who pays on delivery has paid when the goods are handed over. */
  private async takeCash(tx: TenantTx, order: OrderRow): Promise<void> {
    const { due } = await this.payments.balance(tx, order.id, totalOf(order));
    if (due.amount === 0) return;
    await this.payments.record(tx, { id: order.id, title: titleOf(order) }, { method: 'cash_on_delivery', amount: due });
  }

  /** How long an order stays in the phase by itself. */
  private until(phase: OrderPhase): Date | null {
    if (phase === 'held') return new Date(Date.now() + this.settings.ORDER_HOLD_MINUTES * MINUTE_MS);
    return phase === 'lapsed' ? new Date(Date.now() + this.settings.ORDER_LAPSE_HOURS * HOUR_MS) : null;
  }

  private async view(tx: TenantTx, row: OrderRow): Promise<OrderView> {
    const items = await this.orders.items(tx, row.id);
    const history = await this.orders.history(tx, row.id);
    const delivery = await this.deliveries.ofOrder(tx, row.id);
    const { status, payments } = await this.payments.account(tx, row.id, totalOf(row));
    return {
      ...summaryView(row, status),
      items: items.map((item) => itemView(item, row.currency)),
      payments,
      ...(delivery ? { delivery } : {}),
      history: history.map(historyView),
    };
  }
}

const whatIsLeft = (short: Shortage[]): string =>
  short.map(({ name, available }) => (available > 0 ? `only ${available} of ${name} left` : `${name} is sold out`)).join(', ');

/** The order's lines at today's prices. @throws UnknownProductError, TotalTooLargeError */
function priced(body: PlaceOrderBody, products: Map<string, PricedProduct>): { items: ItemRow[]; total: Money } {
  const lines = body.items.map(({ productId, quantity }, index) => {
    const product = products.get(productId);
    if (!product) throw new UnknownProductError(index, productId);
    return { product, quantity };
  });
  try {
    const items = lines.map(({ product, quantity }): ItemRow => {
      const { id, sku, name, price_amount: unit, currency } = product;
      const total = multiply({ amount: unit, currency }, quantity);
      return { product_id: id, sku, name, quantity, unit_amount: unit, total_amount: total.amount };
    });
    const { currency } = lines[0]!.product;
    return {
      items,
      total: sum(
        items.map((item) => ({ amount: item.total_amount, currency })),
        currency,
      ),
    };
  } catch (error) {
    if (error instanceof RangeError) throw new TotalTooLargeError();
    throw error;
  }
}

/** What every order event says about the order. */
function eventData(row: OrderRow) {
  return {
    orderId: row.id,
    number: row.number,
    status: row.status,
    customerPhone: row.customer_phone,
    ...(row.customer_name ? { customerName: row.customer_name } : {}),
    ...(row.channel_id ? { channelId: row.channel_id } : {}),
    ...(row.chat_id ? { chatId: row.chat_id } : {}),
    total: totalOf(row),
  };
}
