import { ModuleRef } from '@nestjs/core';
import { CatalogModule, ProductService } from '@soko/catalog';
import type { EventEnvelope } from '@soko/contracts';
import { DeliveriesModule } from '@soko/deliveries';
import { ChannelService, MessagingModule } from '@soko/messaging';
import { OrderService, OrdersModule, type PlaceOrderBody } from '@soko/orders';
import { PaymentMethodService, PaymentProcessor, PaymentsModule, RefundService } from '@soko/payments';
import { TemplateService, TemplatesModule } from '@soko/templates';
import { integration } from '@soko/testing';
import { expect, test } from 'vitest';
import { OrderNewsService } from './order-news.service.js';
import { PaymentNewsService } from './payment-news.service.js';

const SECRET = 'whsec_Zm9yIHRlc3RzIG9ubHk6IHRoaXMgaXMgbm8ga2V5';

async function setup(language = 'en') {
  const house = await integration({
    imports: [MessagingModule, TemplatesModule, OrdersModule, DeliveriesModule, CatalogModule, PaymentsModule],
    providers: [OrderNewsService, PaymentNewsService],
  });
  const { module, tenancy } = house;
  const merchantId = await house.shop();
  await tenancy.run(merchantId, (tx) => tx.query('UPDATE merchants SET locale = $2 WHERE id = $1', [merchantId, language]));
  await module.get(ChannelService).create(merchantId, { name: 'Shop', kind: 'simulator' });
  await tenancy.run(merchantId, (tx) => module.get(TemplateService).seed(tx, {} as never));
  const { id: productId } = await module.get(ProductService).create(merchantId, {
    sku: 'RICE',
    name: 'Rice',
    price: { amount: 1_250, currency: 'USD' },
    stock: 10,
  });
  const methods = module.get(PaymentMethodService);
  await methods.update(merchantId, 'transfer', { instructions: 'EcoCash 0771 234 567' });
  await methods.update(merchantId, 'mobile_money', { linkUrl: 'https://pay.example.com/{paymentId}', webhookSecret: SECRET });
  const [orders, news, refunds] = [module.get(OrderService), module.get(PaymentNewsService), module.get(RefundService)];
  const rows = <R extends object>(sql: string) => tenancy.run(merchantId, (tx) => tx.query<R>(sql));
  const heard: Record<string, (envelope: EventEnvelope<never>) => Promise<void>> = {
    payment_requested: (envelope) => tenancy.run(merchantId, (tx) => news.ask(tx, envelope)),
    order_hold_ended: (envelope) => tenancy.run(merchantId, (tx) => news.lapse(tx, envelope)),
    payment_refunded: (envelope) => tenancy.run(merchantId, (tx) => news.refunded(tx, envelope)),
  };
  return {
    merchantId,
    orders,
    refunds,
    rows,
    place: async (paymentMethod: PlaceOrderBody['paymentMethod']) => {
      const customer = { phone: '+263771000001', name: 'Rudo' };
      const items = [{ productId, quantity: 2 }];
      const { id } = await orders.placeFor(merchantId, { customer, items, paymentMethod }, 'system');
      await orders.process(merchantId, id);
      const [payment] = (await orders.get(merchantId, id)).payments;
      const processor = await module.get(ModuleRef).create(PaymentProcessor);
      await processor.makeLink({ merchantId, paymentId: payment!.id });
      return id;
    },
    /** Runs the reaction to the last event of a type. */
    tell: async (type: string) => {
      const [event] = await rows<{ data: never }>(`SELECT data FROM events WHERE type = '${type}' ORDER BY id DESC LIMIT 1`);
      await heard[type]!({ data: event!.data } as EventEnvelope<never>);
    },
    told: async () => (await rows<{ text: string }>('SELECT text FROM messages ORDER BY id')).map(({ text }) => text),
  };
}

test('who pays by link is told where, and who pays by transfer whom to', async () => {
  const { place, tell, told } = await setup();
  await place('payment_link');
  await tell('payment_requested');
  await place('transfer');
  await tell('payment_requested');
  expect(await told()).toEqual([
    expect.stringMatching(
      /Order #1 is reserved for you\s+Thank you, Rudo! Please pay \$25\.00 here.*https:\/\/pay\.example\.com\/[\w-]+/s,
    ),
    expect.stringMatching(/Order #2 is reserved for you\s+.*Please transfer \$25\.00 to EcoCash 0771 234 567/s),
  ]);
});

test('who was quicker than the news is asked for nothing any more', async () => {
  const { place, tell, told, orders, merchantId } = await setup();
  const id = await place('transfer');
  await orders.act(merchantId, id, 'cancel', 'owner');
  await tell('payment_requested');
  expect(await told()).toEqual([]);
});

test.each([
  ['en', /goods are for sale again/, /\$5\.00 has gone back to you/],
  ['fr', /remis en vente/, /5,00\s\$US vous ont été remboursés/],
  ['ar', /عادت البضاعة إلى البيع/, /أُعيد إليك مبلغ/],
])('in %s: that goods were let go, and that money has gone back', async (language, lapsed, refunded) => {
  const { place, tell, told, rows, orders, refunds, merchantId } = await setup(language);
  const id = await place('transfer');
  await rows(`UPDATE orders SET held_until = now() - interval '1 second'`);
  await orders.process(merchantId, id);
  await tell('order_hold_ended');
  await rows(`UPDATE payments SET status = 'paid', received = amount`);
  const [payment] = (await orders.get(merchantId, id)).payments;
  await refunds.refund(merchantId, payment!.id, { amount: { amount: 500, currency: 'USD' }, reason: 'torn' });
  await tell('payment_refunded');
  expect(await told()).toEqual([expect.stringMatching(lapsed), expect.stringMatching(refunded)]);
});
