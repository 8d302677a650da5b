import { describe, expect, it, onTestFinished } from 'vitest';
import { startReceiver } from '../receiver.js';
import { startGraphApi } from './start.js';

async function setup() {
  const graph = await startGraphApi({ control: true });
  const receiver = await startReceiver((response) => response.writeHead(200, { 'content-type': 'text/plain' }).end());
  onTestFinished(async () => {
    await graph.close();
    await receiver.close();
  });
  const order = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${graph.url}/_mock${path}`, { method, body: body && JSON.stringify(body) });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> & { [n: number]: unknown } };
  };
  const made = (await order('POST', '/numbers', { webhookUrl: receiver.url, accessToken: 'T' })).body;
  const mine = `/numbers/${String(made.phoneNumberId)}`;
  const send = async () => {
    const response = await fetch(`${graph.url}/v26.0/${String(made.phoneNumberId)}/messages`, {
      method: 'POST',
      headers: { authorization: 'Bearer T' },
      body: JSON.stringify({ messaging_product: 'whatsapp', to: '+263771234567', text: { body: 'Hi' } }),
    });
    return response.status;
  };
  return { graph, receiver, order, made, mine, send };
}

describe('the control API', () => {
  it('makes numbers, writes as customers and shows what they got', async () => {
    const { receiver, order, mine, made, send } = await setup();
    expect(made).toMatchObject({ accessToken: 'T', appSecret: expect.any(String), verifyToken: expect.any(String) });
    await order('PATCH', mine, { statuses: 'none' });
    const customer = `${mine}/customers/+263771234567`;
    const base64 = Buffer.from('%PDF').toString('base64');
    expect((await order('POST', `${customer}/messages`, { text: 'Hi', id: 'wamid.1' })).body).toEqual({ id: 'wamid.1' });
    await order('POST', `${customer}/messages`, { document: { base64, filename: 'a.pdf' } });
    expect(receiver.calls.map(({ body }) => body).join('')).toMatch(/"text":\{"body":"Hi"\}.*"filename":"a.pdf"/s);
    expect(await send()).toBe(200);
    expect((await order('GET', `${customer}/received`)).body).toMatchObject([{ text: 'Hi' }]);
    expect((await order('GET', `${customer}/received?after=1`)).body).toEqual([]);
    expect((await order('POST', `${mine}/verify`)).body).toEqual({ verified: false });
    expect((await order('GET', '/stats')).body).toMatchObject({
      requests: 1,
      numbers: [{ accepted: 1, customers: 1, media: 1, webhooks: { accepted: 2, undelivered: 0 } }],
    });
  });

  it('orders faults and takes them back', async () => {
    const { order, mine, send } = await setup();
    await order('POST', `${mine}/faults`, { next: 1, fail: { code: 131000 } });
    await order('POST', `${mine}/faults`, { next: 5, fail: { code: 131005 }, customer: '+263771234567' });
    expect(await send()).toBe(403);
    await order('DELETE', `${mine}/faults`);
    expect(await send()).toBe(200);
    await order('POST', `${mine}/faults`, { rate: 1, drop: 'after' });
    await expect(send()).rejects.toThrow(/fetch failed/);
    expect((await order('POST', `${mine}/faults`, { next: 1 })).status).toBe(400);
  });

  it('changes settings of a number and of the server', async () => {
    const { graph, order, mine, send } = await setup();
    await order('PATCH', mine, { enforceWindow: true, rate: 10, webhooks: { batched: 3 } });
    expect(await send()).toBe(400);
    await order('PATCH', `${mine}/customers/+263771234567`, { lastWroteAt: Date.now() });
    expect(await send()).toBe(200);
    expect((await order('PATCH', mine, { colour: 'red' })).body).toMatchObject({ error: expect.stringContaining('colour') });
    await order('PATCH', '', { down: true, seed: 9 });
    expect([await send(), graph.seed]).toEqual([503, 9]);
    await order('PATCH', '', { down: false, latencyMs: 1 });
    expect(await send()).toBe(200);
  });

  it('posts a load', async () => {
    const { order, mine } = await setup();
    const report = await order('POST', `${mine}/deliveries`, { messages: 100, customers: 5, twice: true, batch: 10 });
    expect(report.body).toMatchObject({ posted: 20, accepted: 20 });
  });

  it('says what there is', async () => {
    const { order } = await setup();
    expect((await order('GET', '')).body).toContain("POST /_mock/numbers/:id/verify: Meta's handshake");
    expect((await order('GET', '/nothing')).status).toBe(404);
    expect((await order('GET', '/numbers/1')).body).toEqual({ error: 'no number 1' });
  });

  it('is not there unless asked for', async () => {
    const graph = await startGraphApi();
    onTestFinished(() => graph.close());
    expect((await fetch(`${graph.url}/_mock`)).status).toBe(400);
  });
});
