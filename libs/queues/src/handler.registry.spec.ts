import { Injectable } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { newId } from '@soko/common';
import {
  drainWebhook,
  makePaymentLink,
  orderCreated,
  processOrder,
  type ProcessOrderJob,
  react,
  refundPayment,
} from '@soko/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { HandlerRegistry, Handles, Reacts } from './handler.registry.js';

const open: { close: () => Promise<void> }[] = [];
const setup = async (...providers: (new () => object)[]) => {
  const module = await Test.createTestingModule({
    imports: [DiscoveryModule],
    providers: [HandlerRegistry, ...providers],
  }).compile();
  open.push(module);
  return module.get(HandlerRegistry);
};
afterEach(async () => {
  await Promise.all(open.splice(0).map((module) => module.close()));
});

@Injectable()
class Orders {
  readonly seen: string[] = [];
  @Handles(processOrder)
  async process({ orderId }: ProcessOrderJob): Promise<void> {
    this.seen.push(orderId);
  }
  @Handles(makePaymentLink)
  async link(): Promise<void> {}
  @Handles(refundPayment)
  async refund(): Promise<void> {}
  helper(): string {
    return 'no handler';
  }
}
@Injectable()
class MoreOrders {
  @Handles(processOrder)
  async again(): Promise<void> {}
}
@Injectable()
class Webhooks {
  @Handles(drainWebhook)
  async deliver(): Promise<void> {}
}
@Injectable()
class News {
  @Reacts(orderCreated, 'news.tell')
  async tell(): Promise<void> {}
}
@Injectable()
class OtherNews {
  @Reacts(orderCreated, 'news.tell')
  async shout(): Promise<void> {}
}
@Injectable()
class Stats {
  @Reacts(orderCreated, 'stats.count')
  async count(): Promise<void> {}
}

describe('HandlerRegistry', () => {
  it('finds the handler and calls it on its own instance', async () => {
    const module = await Test.createTestingModule({
      imports: [DiscoveryModule],
      providers: [HandlerRegistry, Orders],
    }).compile();
    open.push(module);
    const registry = module.get(HandlerRegistry);
    registry.collect(['order_processing']);
    const orderId = newId();
    await registry.jobs.get('process-order')!({ merchantId: newId(), orderId }, async () => undefined);
    expect(module.get(Orders).seen).toEqual([orderId]);
    expect([...registry.jobs.keys()]).toEqual(['process-order', 'make-payment-link', 'refund-payment']);
  });

  it('does not start without a handler, names each job that lacks one, and says what to do', async () => {
    const registry = await setup(Orders);
    expect(() => registry.collect(['order_processing', 'webhook_delivery', 'maintenance'])).toThrow(
      /no handler for retry-dead-letter, react, drain-webhook, recover-webhook, run-broadcast: mark a method with @Handles and provide its class/,
    );
  });

  it('does not start with two handlers of one job', async () => {
    const registry = await setup(Orders, MoreOrders);
    expect(() => registry.collect(['order_processing'])).toThrow(/process-order has two handlers/);
  });

  it('does not start with a handler that would never be called', async () => {
    const registry = await setup(Orders, Webhooks);
    expect(() => registry.collect(['order_processing'])).toThrow(
      /handlers for drain-webhook, whose queues this app does not serve/,
    );
  });

  it('starts without any when the app serves no queue', async () => {
    const registry = await setup(News);
    registry.collect([]);
    expect(registry.jobs.size).toBe(0);
  });

  it('knows several reactions to one event by their names', async () => {
    const registry = await setup(News, Stats);
    registry.collect([]);
    expect([...registry.reactions.keys()].toSorted()).toEqual(['news.tell', 'stats.count']);
    for (const { event } of registry.reactions.values()) expect(event).toBe('order_created');
  });

  it('does not start with two reactions of one name: what one has done would count for both', async () => {
    const registry = await setup(News, OtherNews);
    expect(() => registry.collect([])).toThrow(/news\.tell has two handlers/);
  });

  it('finds handlers of a parent class', async () => {
    @Injectable()
    class SpecialOrders extends Orders {}
    const registry = await setup(SpecialOrders);
    registry.collect(['order_processing']);
    expect(registry.jobs.has(processOrder.name)).toBe(true);
    expect(registry.jobs.has(react.name)).toBe(false);
  });
});
