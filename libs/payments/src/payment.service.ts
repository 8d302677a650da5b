import { Injectable } from '@nestjs/common';
import { decodeCursor, type Money, NotFoundError, type Page, pageOf } from '@soko/common';
import { makePaymentLink, paymentReceived, paymentRequested } from '@soko/contracts';
import { isUniqueViolation, Sealer, Tenancy, type TenantTx } from '@soko/database';
import { PaymentMethodService } from './payment-method.service.js';
import { type Balance, balanceOf, type PaymentMethod } from './payment-state.js';
import { eventData, LINK, type PaymentRow, paymentView, REFERENCE } from './payment.row.js';
import { PaymentStore } from './payment.store.js';
import type { PaymentQuery, PaymentView } from './payments.dto.js';
import { LinkOpenError } from './payments.errors.js';
import type { ProviderName } from './provider.js';
import { RefundService } from './refund.service.js';

/** An order, as far as its money is concerned. */
export interface Payable {
  id: string;
  /** What the customer reads where they pay. */
  title: string;
}

/** What an order asks for, gets, and gives back: always inside the order's own transaction, which holds the order's lock. */
@Injectable()
export class PaymentService {
  constructor(
    private readonly tenancy: Tenancy,
    private readonly store: PaymentStore,
    private readonly methods: PaymentMethodService,
    private readonly refunds: RefundService,
    private readonly sealer: Sealer,
  ) {}

  /** @throws PaymentMethodUnavailableError */
  check(tx: TenantTx, method: PaymentMethod): Promise<void> {
    return this.methods.check(tx, method);
  }

  async accepts(tx: TenantTx, method: PaymentMethod): Promise<boolean> {
    return (await this.methods.offered(tx)).includes(method);
  }

  /** How a customer can pay without asking anybody: a transfer only where it is said where to. */
  choices(tx: TenantTx): Promise<PaymentMethod[]> {
    return this.methods.choices(tx);
  }

  /**
   * Asks for money: by a link, which is made after the commit, or by a transfer.
   * @throws PaymentMethodUnavailableError, LinkOpenError
   */
  async ask(
    tx: TenantTx,
    order: Payable,
    ask: { method: PaymentMethod; amount: Money; expiresAt?: Date; provider?: ProviderName },
  ): Promise<PaymentRow> {
    const { method, amount, expiresAt } = ask;
    const provider = method === 'payment_link' ? await this.methods.providerFor(tx, ask.provider) : null;
    const open = (await this.store.ofOrder(tx, order.id)).some(
      (row) => row.provider && ['pending', 'authorized'].includes(row.status),
    );
    if (provider && open) throw new LinkOpenError();
    const row = await this.store
      .insert(tx, { ...asRow(order, method, amount), provider, status: 'pending', expires_at: expiresAt ?? null })
      .catch((error: unknown) => {
        throw isUniqueViolation(error, 'payments_open_link') ? new LinkOpenError() : error;
      });
    if (provider) tx.wake(makePaymentLink, { merchantId: tx.merchantId, paymentId: row.id });
    else tx.outbox.emit(paymentRequested, { ...eventData(row), ...(expiresAt ? { expiresAt: expiresAt.toISOString() } : {}) });
    return row;
  }

  /** Writes down what came in by hand. A transfer that was asked for is that one. */
  async record(
    tx: TenantTx,
    order: Payable,
    paid: { method: PaymentMethod; amount: Money; reference?: string },
  ): Promise<PaymentRow> {
    const { method, amount } = paid;
    const reference = paid.reference ? this.sealer.seal(paid.reference, tx.merchantId, REFERENCE) : null;
    const asked = (await this.store.lockOrder(tx, order.id)).find(
      (row) => row.method === method && row.status === 'pending' && row.amount === amount.amount && !row.provider,
    );
    const row = asked
      ? { ...asked, status: 'paid' as const, received: asked.amount, reference }
      : await this.store.insert(tx, { ...asRow(order, method, amount), status: 'paid', received: amount.amount, reference });
    if (asked) await this.store.settle(tx, row);
    tx.outbox.emit(paymentReceived, eventData(row));
    return row;
  }

  /** Of everything that came in, the merchant keeps `keep` (minor units); the rest goes back. */
  async giveBack(tx: TenantTx, orderId: string, keep: number, reason: string): Promise<void> {
    await this.refunds.giveBack(tx, await this.store.lockOrder(tx, orderId), keep, reason);
  }

  /** The order has come to nothing: nothing is asked for any more, and all that came in goes back. */
  async end(tx: TenantTx, orderId: string, reason: string): Promise<void> {
    const rows = await this.withdraw(tx, orderId, reason);
    await this.refunds.giveBack(tx, rows, 0, reason);
  }

  /** Nothing is asked for any more. Who pays all the same is given it back. */
  async withdraw(tx: TenantTx, orderId: string, reason: string): Promise<PaymentRow[]> {
    const rows = await this.store.lockOrder(tx, orderId);
    for (const row of rows.filter(({ status }) => status === 'pending' || status === 'authorized'))
      await this.store.settle(tx, { ...row, status: 'failed', reason });
    return rows;
  }

  async balance(tx: TenantTx, orderId: string, total: Money): Promise<Balance> {
    return balanceOf(total, await this.store.ofOrder(tx, orderId));
  }

  /** How orders stand, by their ids. */
  async balances(tx: TenantTx, totals: Map<string, Money>): Promise<Map<string, Balance>> {
    const rows = await this.store.ofOrders(tx, [...totals.keys()]);
    const byOrder = new Map([...totals.keys()].map((id): [string, PaymentRow[]] => [id, []]));
    for (const row of rows) byOrder.get(row.order_id)!.push(row);
    return new Map([...totals].map(([id, total]) => [id, balanceOf(total, byOrder.get(id)!)]));
  }

  /** An order's payments, oldest first, and how it stands with them. */
  async account(tx: TenantTx, orderId: string, total: Money): Promise<Balance & { payments: PaymentView[] }> {
    const rows = await this.store.ofOrder(tx, orderId);
    return { ...balanceOf(total, rows), payments: await this.views(tx, rows) };
  }

  /** Newest first. */
  async list(merchantId: string, { status, refundDue, limit, cursor }: PaymentQuery): Promise<Page<PaymentView>> {
    const before = decodeCursor(cursor, 'id')?.[0];
    return this.tenancy.run(merchantId, async (tx) => {
      const rows = await this.store.list(tx, { status, refundDue: refundDue === 'true', before, limit: limit + 1 });
      const page = pageOf(
        rows,
        limit,
        (row) => row,
        (row) => [row.id],
      );
      return { ...page, data: await this.views(tx, page.data) };
    });
  }

  async view(tx: TenantTx, row: PaymentRow): Promise<PaymentView> {
    return (await this.views(tx, [row]))[0]!;
  }

  /** What a customer who is to pay must know: the page, or where the transfer goes. @throws NotFoundError */
  async instructions(tx: TenantTx, paymentId: string): Promise<{ open: boolean; url?: string; transfer?: string }> {
    const row = await this.store.find(tx, paymentId);
    if (!row) throw new NotFoundError('payment', paymentId);
    const open = row.status === 'pending';
    if (row.link) return { open, url: this.sealer.open(row.link, tx.merchantId, LINK) };
    return { open, transfer: await this.methods.instructions(tx) };
  }

  private async views(tx: TenantTx, rows: PaymentRow[]): Promise<PaymentView[]> {
    const refunds = await this.store.refundsOf(
      tx,
      rows.map(({ id }) => id),
    );
    return rows.map((row) => paymentView(row, refunds, tx.merchantId, this.sealer));
  }
}

const asRow = (order: Payable, method: PaymentMethod, { amount, currency }: Money) => ({
  order_id: order.id,
  title: order.title,
  method,
  amount,
  currency,
});
