import { newId } from '@soko/common';
import { ApiClient, startReceiver, type Receiver } from '@soko/testing';
import type { Client } from 'pg';
import { connected } from './networks.js';

export interface Shop {
  client: ApiClient;
  merchantId: string;
  channelId: string;
  productId: string;
  receiver: Receiver;
  webhookSecret: string;
}

/** A merchant with one product, whom no partner listens to. */
export async function openStall(baseUrl: string, product: { name: string; stock: number }) {
  const { client, merchantId } = await ApiClient.register(baseUrl);
  const { id: productId } = await client.ok<{ id: string }>('POST', '/api/products', {
    sku: `SKU-${newId()}`,
    price: { amount: 1250, currency: 'USD' },
    ...product,
  });
  return { client, merchantId, productId };
}

/**
 * A merchant with a simulator channel, one product and a partner who subscribes to everything. The channel has connected before: what
 * happens while the subscription is being committed may be handed on to those of before.
 */
export async function openShop(baseUrl: string, product: { name: string; stock: number }): Promise<Shop> {
  const { client, merchantId, productId } = await openStall(baseUrl, product);
  const channel = await client.ok<{ id: string }>('POST', '/api/channels', { name: 'Phone', kind: 'simulator' });
  await connected(client, channel.id);
  const receiver = await startReceiver();
  const webhook = await client.ok<{ secret: string }>('POST', '/api/webhooks', { url: receiver.url, events: ['*'] });
  return { client, merchantId, channelId: channel.id, productId, receiver, webhookSecret: webhook.secret };
}

export interface PhoneMessage {
  wa_message_id: string;
  phone: string;
  text: string;
}

/** What the phones of a channel have received, each in order. */
export async function phoneMessages(db: Client, channelId: string): Promise<Map<string, string[]>> {
  const { rows } = await db.query<PhoneMessage>('SELECT phone, text FROM simulator_messages WHERE channel_id = $1 ORDER BY seq', [
    channelId,
  ]);
  const phones = new Map<string, string[]>();
  for (const { phone, text } of rows) phones.set(phone, [...(phones.get(phone) ?? []), text]);
  return phones;
}
