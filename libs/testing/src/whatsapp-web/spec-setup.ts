import { DEFAULT_CONNECTION_CONFIG, type UserFacingSocketConfig } from '@whiskeysockets/baileys';
import { expect, onTestFinished } from 'vitest';
import { BaileysClient, type ClientOptions } from './baileys-client.js';
import { startWhatsappWeb, type WhatsappWebOptions } from './server.js';

/** A server with a merchant's phone and a customer, and a Baileys that is not linked yet. */
export async function setup({ client: clientOptions = {}, ...options }: WhatsappWebOptions & { client?: ClientOptions } = {}) {
  const server = await startWhatsappWeb(options);
  const clients: BaileysClient[] = [];
  const another = (): BaileysClient => {
    const client = new BaileysClient(server, clientOptions);
    clients.push(client);
    return client;
  };
  onTestFinished(async () => {
    await Promise.all(clients.map((client) => client.stop()));
    await server.stop();
    expect(server.errors).toEqual([]);
  });
  return {
    server,
    client: another(),
    another,
    phone: server.phone('+263771000000'),
    rudo: server.customer('+263771234567', { name: 'Rudo' }),
  };
}

/** The same with the device linked and online. */
export async function linked(options: Parameters<typeof setup>[0] = {}) {
  const all = await setup(options);
  await all.client.link(all.phone.number);
  return all;
}

/** Baileys' own way to decrypt, with something awaited around it: what an adapter does that stores before it acknowledges. */
export function decrypting(around: (decrypt: () => Promise<Uint8Array>) => Promise<Uint8Array>): Partial<UserFacingSocketConfig> {
  return {
    makeSignalRepository: (...args) => {
      const repository = DEFAULT_CONNECTION_CONFIG.makeSignalRepository(...args);
      const decryptMessage = repository.decryptMessage.bind(repository);
      return Object.assign(repository, {
        decryptMessage: (message: Parameters<typeof decryptMessage>[0]) => around(() => decryptMessage(message)),
      });
    },
  };
}
