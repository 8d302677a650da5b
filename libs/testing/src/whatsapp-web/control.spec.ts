import { describe, expect, it } from 'vitest';
import { until } from '../until.js';
import { control } from './control.js';
import { setup } from './spec-setup.js';

async function controlled() {
  const all = await setup();
  control(all.server);
  const call = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
    const response = await fetch(`${all.server.origin}${path}`, { method, body: body && JSON.stringify(body) });
    return response.status === 204 ? {} : ((await response.json()) as Record<string, unknown>);
  };
  return { ...all, call };
}

describe('The control API', () => {
  it('links, writes, reads and breaks', async () => {
    const { call, client, phone, rudo } = await controlled();
    client.connect();
    expect(await call('POST', '/phones/+263771000000/scan', { qr: await until('a QR code', () => client.qr) })).toEqual({});
    await client.login();
    const { id } = await call('POST', `/customers/${rudo.number}/messages`, { to: phone.number, text: 'Mhoro' });
    await until('the message', () => client.messages.length === 1);
    expect(client.messages[0]).toMatchObject({ id, text: 'Mhoro' });
    await client.send(rudo.pn, 'Mhoroi');
    await until('the answer', () => rudo.received.length === 1);
    expect(await call('GET', '/customers/263771234567/messages')).toMatchObject({
      received: [{ text: 'Mhoroi', from: phone.number }],
    });
    expect(await call('PATCH', '/phones/+263771000000', { loseAcks: true })).toMatchObject({ online: true, loseAcks: true });
    await call('POST', '/phones/+263771000000/close', { code: 503 });
    await until('the close', () => client.closes.length === 2);
    expect(client.closes[1]).toBe(503);
    await call('POST', '/phones/+263771000000/remove-device');
    expect(await call('GET', '/phones/+263771000000')).toMatchObject({ linked: false });
  });

  it('streams messages at a rate, and counts them', async () => {
    const { call, client, phone } = await controlled();
    await client.link(phone.number);
    await call('POST', '/load', { to: [phone.number], customers: 5, count: 40, perSecond: 200 });
    await until('all of them', () => client.messages.length === 40);
    await until('their acknowledgement', () => phone.unacknowledged.length === 0);
    expect(await call('GET', '/stats')).toMatchObject({
      online: 1,
      acknowledged: 40,
      loads: [{ written: 40, done: true }],
      errors: [],
    });
  });

  it('says what is wrong', async () => {
    const { call } = await controlled();
    expect(await call('POST', '/phones/+263771000000/scan', { qr: 'nothing' })).toEqual({
      error: 'This is not a QR code of WhatsApp Web',
    });
    expect(await call('POST', '/customers/+263771234567/messages', { text: 'to whom?' })).toHaveProperty('error');
  });
});
