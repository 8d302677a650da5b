import { describe, expect, it } from 'vitest';
import { until } from '../until.js';
import { linked } from './spec-setup.js';

describe('Many customers', () => {
  it('exchange a thousand messages each way, in order', async () => {
    const { client, phone, server } = await linked();
    const customers = Array.from({ length: 50 }, (_, index) => server.customer(`+26377200${1000 + index}`));
    const numbers = Array.from({ length: 20 }, (_, index) => String(index));
    await Promise.all(
      customers.map(async (customer) => {
        for (const text of numbers) await customer.write(phone, { text });
      }),
    );
    await until('all of them', () => client.messages.length === 1000);
    for (const { pn } of customers) {
      expect(client.messages.filter(({ jid }) => jid === pn).map(({ text }) => text)).toEqual(numbers);
    }
    await until('their acknowledgement', () => phone.unacknowledged.length === 0);
    await Promise.all(
      customers.map(async ({ pn }) => {
        for (const text of numbers) await client.send(pn, text);
      }),
    );
    await until('all answers', () => customers.every(({ received }) => received.length === 20));
    for (const { received } of customers) expect(received.map(({ text }) => text)).toEqual(numbers);
  }, 20_000);
});
