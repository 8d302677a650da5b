import { Injectable } from '@nestjs/common';
import { decodeCursor, type Money, multiply, NotFoundError, type Page, pageOf, sum } from '@soko/common';
import { StockService } from '@soko/catalog';
import { orderCreated, orderStatusChanged, processOrder } from '@soko/contracts';
import { Tenancy, type TenantTx } from '@soko/database';
import { DeliveryService } from '@soko/deliveries';
import { OrderRepository, type PricedProduct } from './order.repository.js';
import { historyView, type ItemRow, itemView, type OrderRow, summaryView, totalOf } from './order.row.js';
import { type OrderAction, transition } from './order-state.js';
import { InvalidTransitionError, TotalTooLargeError, UnknownProductError } from './orders.errors.js';
import type { OrderQuery, OrderSummaryView, OrderView, PlacedOrderView, PlaceOrderBody } from './orders.dto.js';

@Injectable()
export class OrderService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly orders: OrderRepository,
    private readonly stock: StockService,
    private readonly deliveries: DeliveryService,
  ) {}

  /**
   * Takes an order in: prices are frozen here, stock is reserved by `process`.
   * @param actor `bot`, or the id of the user who placed it.
   * @param chatId the chat that it comes out of, where the customer then hears of it.
   * @throws UnknownProductError, TotalTooLargeError
   */
  async place(tx: TenantTx, body: PlaceOrderBody, actor: string, chatId?: string): Promise<PlacedOrderView> {
    const products = new Map(
      (await this.orders.products(tx, [...new Set(body.items.map((i) => i.productId))])).map((p) => [p.id, p]),
    );
    const { items, total } = priced(body, products);
    const { currency } = total;
    const row = await this.orders.insert(
      tx,
      {
        customer_phone: body.customer.phone,
        customer_name: body.customer.name ?? null,
        channel_id: body.channelId ?? null,
        chat_id: chatId ?? null,
        delivery: body.delivery ?? null,
        payment_method: body.paymentMethod ?? 'cash_on_delivery',
        note: body.note ?? null,
        total_amount: total.amount,
        currency,
      },
      items,
    );
    await this.orders.noteCreation(tx, row.id, actor);
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

  /** Confirms a pending order, or rejects it with the reason. A second call finds it done and changes nothing. */
  async process(merchantId: string, orderId: string): Promise<void> {
    await this.tenancy.run(merchantId, async (tx) => {
      const order = await this.orders.lock(tx, orderId);
      if (!order || order.status !== 'pending') return;
      await this.step(tx, order, 'confirm', 'system', null);
    });
  }

  /** @throws NotFoundError, InvalidTransitionError */
  async act(merchantId: string, id: string, action: OrderAction, actor: string, reason?: string): Promise<OrderView> {
    return this.tenancy.run(merchantId, async (tx) => {
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

  /** Newest first. */
  async list(merchantId: string, query: OrderQuery): Promise<Page<OrderSummaryView>> {
    const after = decodeCursor(query.cursor, 'number');
    const { status, customer, limit } = query;
    const below = after ? Number(after[0]) : undefined;
    const rows = await this.tenancy.run(merchantId, (tx) => this.orders.list(tx, { status, customer, below, limit: limit + 1 }));
    return pageOf(rows, limit, summaryView, (row) => [String(row.number)]);
  }

  private async step(tx: TenantTx, order: OrderRow, action: OrderAction, actor: string, reason: string | null): Promise<void> {
    const next = transition(order.status, action);
    if (!next) throw new InvalidTransitionError(order.status, action);
    const lines = (await this.orders.items(tx, order.id)).map((item) => ({
      productId: item.product_id,
      quantity: item.quantity,
    }));
    if (next.stock === 'reserve') {
      const short = await this.stock.reserve(tx, lines);
      if (short.length > 0) {
        const why = short
          .map((s) => (s.available > 0 ? `only ${s.available} of ${s.name} left` : `${s.name} is sold out`))
          .join(', ');
        return this.step(tx, order, 'reject', actor, why);
      }
      await this.deliveries.createTask(tx, order.id, order.delivery);
    }
    if (next.stock === 'release') {
      await this.stock.release(tx, lines);
      await this.deliveries.dropTask(tx, order.id);
    }
    if (next.stock === 'ship') await this.stock.ship(tx, lines);
    await this.orders.move(tx, order, next.to, actor, reason);
    tx.outbox.emit(orderStatusChanged, {
      ...eventData({ ...order, status: next.to }),
      previousStatus: order.status,
      ...(reason ? { reason } : {}),
    });
  }

  private async view(tx: TenantTx, row: OrderRow): Promise<OrderView> {
    const items = await this.orders.items(tx, row.id);
    const history = await this.orders.history(tx, row.id);
    const delivery = await this.deliveries.ofOrder(tx, row.id);
    return {
      ...summaryView(row),
      items: items.map((item) => itemView(item, row.currency)),
      ...(delivery ? { delivery } : {}),
      history: history.map(historyView),
    };
  }
}

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
