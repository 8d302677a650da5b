import { newId } from '@soko/common';
import { until } from '@soko/testing';
import type { Client } from 'pg';
import { phoneMessages, type Shop } from './shop.js';

/** What a customer says, and how many messages the phone holds once it was answered. */
export interface Step {
  body: Record<string, unknown>;
  answered: number;
}

/** From "hi" to a confirmed order of two units. */
export const orderSteps = (productId: string, phone: string): Step[] => [
  { body: { type: 'text', text: 'hi' }, answered: 1 },
  { body: { type: 'list', replyId: `product:${productId}` }, answered: 2 },
  { body: { type: 'button', replyId: 'quantity:2' }, answered: 3 },
  { body: { type: 'button', replyId: 'do:checkout' }, answered: 4 },
  { body: { type: 'text', text: `House ${phone}` }, answered: 5 },
  { body: { type: 'button', replyId: 'order:confirm' }, answered: 7 },
];

/** What the phone holds after `orderSteps`: this, once, in this order. */
export const ORDER_REPLIES = [
  /Welcome to .*What would you like to order/s,
  /How many\?/,
  /Your cart.*Total: /s,
  /Where shall we deliver\?/,
  /Your order.*Is that right\?/s,
  /We are checking your order #\d+/,
  /Order #\d+ is confirmed/,
];

/** Customers' phones. They write again what was not accepted, under the same id, as WhatsApp does. */
export class Customers {
  private received = new Map<string, string[]>();
  private watching = true;
  private readonly watch: Promise<void>;

  constructor(
    private readonly shop: Shop,
    private readonly db: Client,
  ) {
    this.watch = this.poll();
  }

  async stop(): Promise<void> {
    this.watching = false;
    await this.watch;
  }

  /** Says one thing and waits until the phone holds `answered` messages. */
  async say(phone: string, { body, answered }: Step, patience = 150_000): Promise<void> {
    await this.write(phone, body);
    await until(`${phone}: message ${answered}`, () => (this.received.get(phone)?.length ?? 0) >= answered, patience);
  }

  async converse(phone: string, steps: Step[]): Promise<void> {
    for (const step of steps) await this.say(phone, step);
  }

  /** Writes until it is accepted. */
  private async write(phone: string, body: Record<string, unknown>): Promise<void> {
    const waMessageId = `in.${newId()}`;
    const path = `/api/simulator/channels/${this.shop.channelId}/messages`;
    await until(
      `${phone}: accepted`,
      async () => {
        const answer = await this.shop.client.call('POST', path, { from: phone, name: 'Rudo', waMessageId, ...body });
        if (answer.status !== 202 && answer.status < 500) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
        return answer.status === 202;
      },
      120_000,
    );
  }

  /** One query for all phones: 200 customers who each poll the api would be a test of polling. */
  private async poll(): Promise<void> {
    while (this.watching) {
      this.received = await phoneMessages(this.db, this.shop.channelId);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

export const phoneNumber = (index: number): string => `+2637712${String(index).padStart(5, '0')}`;
