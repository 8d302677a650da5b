import { type ApiClient, type BusinessNumber, type Customer, startGraphApi, startWhatsappWeb, until } from '@soko/testing';
import type { Client } from 'pg';
import { phoneMessages } from './shop.js';

/** What a customer does: writes, or chooses one of the options that the bot has offered last. */
export type Said = { text: string } | { pick: string; title: string; from: 'list' | 'buttons' };

/** A customer's phone on one of the networks. */
export interface Handset {
  number: string;
  say(said: Said): Promise<unknown>;
  /** What it has received, in order. */
  texts(): Promise<string[]>;
}

/** A network with one merchant's channel on it. */
export interface Line {
  channelId: string;
  handset(number: string): Handset;
}

/** Both mock networks, and the settings that lead the stack to them. */
export async function startNetworks() {
  const [graph, web] = await Promise.all([startGraphApi(), startWhatsappWeb()]);
  return {
    graph,
    web,
    env: {
      WHATSAPP_CLOUD_BASE_URL: graph.url,
      WHATSAPP_WEB_URL: web.url,
      WHATSAPP_WEB_NOISE_ROOT: web.noiseRoot,
    },
    stop: () => Promise.all([graph.close(), web.stop()]),
  };
}
export type Networks = Awaited<ReturnType<typeof startNetworks>>;

let numbers = 0;
export const merchantNumber = (): string => `+26378${String(2_000_000 + ++numbers)}`;

export async function simulatorLine(client: ApiClient, db: Client): Promise<Line> {
  const { id } = await client.ok<{ id: string }>('POST', '/api/channels', { name: 'Simulated', kind: 'simulator' });
  return {
    channelId: id,
    handset: (number) => ({
      number,
      say: (said) =>
        client.ok('POST', `/api/simulator/channels/${id}/messages`, {
          from: number,
          ...('text' in said
            ? { type: 'text', text: said.text }
            : { type: said.from === 'list' ? 'list' : 'button', replyId: said.pick }),
        }),
      texts: async () => (await phoneMessages(db, id)).get(number) ?? [],
    }),
  };
}

/** A number at the mock Graph API, whose webhooks come to the stack. */
export async function cloudLine(client: ApiClient, networks: Networks): Promise<Line & { number: BusinessNumber }> {
  const number = networks.graph.number({});
  const { phoneNumberId, accessToken, appSecret, verifyToken } = number;
  const { id } = await client.ok<{ id: string }>('POST', '/api/channels', {
    name: 'Cloud',
    kind: 'cloud',
    config: { phoneNumberId, accessToken, appSecret, verifyToken, messagesPerSecond: 1_000 },
  });
  number.webhookUrl = `${client.baseUrl}/webhooks/whatsapp/${id}`;
  if (!(await number.verify())) throw new Error('the webhook did not echo the challenge');
  await connected(client, id);
  return {
    channelId: id,
    number,
    handset: (phone) => {
      const customer = number.customer(phone, { name: 'Rudo' });
      return {
        number: phone,
        say: (said) =>
          customer.write('text' in said ? said : said.from === 'list' ? { listReply: said.pick } : { buttonReply: said.pick }),
        texts: async () => customer.received.map(({ text, payload }) => [headerOf(payload), text].filter(Boolean).join('\n\n')),
      };
    },
  };
}

const headerOf = (payload: unknown): string | undefined => (payload as { header?: { text?: string } }).header?.text;

/** A linked device at the mock WhatsApp Web server; its customers have no buttons and write numbers. */
export async function baileysLine(client: ApiClient, networks: Networks, config: object = {}) {
  const { id } = await client.ok<{ id: string }>('POST', '/api/channels', {
    name: 'Web',
    kind: 'baileys',
    config: { newChatsPerDay: 100_000, newChatGapSeconds: 0, ...config },
  });
  const phone = networks.web.phone(merchantNumber());
  await client.ok('POST', `/api/channels/${id}/connect`);
  // As a person does: a code that is gone by the time it is scanned is scanned anew.
  await until('a linked phone', async () => {
    const answer = await client.call<{ qr: string }>('GET', `/api/channels/${id}/qr`);
    if (answer.status !== 200) return false;
    await phone.scan(answer.body.qr);
    return true;
  });
  await connected(client, id);
  const handset = (number: string): Handset & { customer: Customer } => {
    const customer = networks.web.customer(number, { name: 'Rudo' });
    return {
      number,
      customer,
      say: (said) => customer.write(phone, { text: 'text' in said ? said.text : numberOf(said.title, customer) }),
      texts: async () => customer.received.map(({ text }) => text ?? ''),
    };
  };
  return { channelId: id, phone, handset };
}

/** What a person writes who reads "2. Rice": the number; and where options are bare numbers, the title. */
function numberOf(title: string, customer: Customer): string {
  const shown = customer.received.at(-1)?.text ?? '';
  return new RegExp(`^(\\d+)\\. ${title}`, 'm').exec(shown)?.[1] ?? title;
}

export const connected = (client: ApiClient, channelId: string, ms?: number): Promise<unknown> =>
  until('a connected channel', async () => (await statusOf(client, channelId)) === 'connected', ms);

export const statusOf = async (client: ApiClient, channelId: string): Promise<string> =>
  (await client.ok<{ status: string }>('GET', `/api/whatsapp/status?channelId=${channelId}`)).status;
