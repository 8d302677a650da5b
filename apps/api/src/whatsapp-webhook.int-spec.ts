import { newId } from '@soko/common';
import { ChannelService } from '@soko/messaging';
import { integration, signatureOf, startGraphApi, withClient } from '@soko/testing';
import { WhatsappModule } from '@soko/whatsapp';
import { expect, onTestFinished, test } from 'vitest';

/** The api itself, on a port of its own, and one cloud channel. */
async function setup() {
  const graph = await startGraphApi();
  onTestFinished(() => graph.close());
  const house = await integration({ imports: [WhatsappModule], env: { RATE_LIMIT_ENABLED: 'true', RATE_LIMIT_IP: '5' } });
  const merchantId = await house.shop();
  const number = graph.number();
  const { phoneNumberId, accessToken, appSecret, verifyToken } = number;
  const { id } = await house.module
    .get(ChannelService)
    .create(merchantId, { name: 'Shop', kind: 'cloud', config: { phoneNumberId, accessToken, appSecret, verifyToken } });
  // Its modules read the settings when they load.
  const { createApi } = await import('./bootstrap.js');
  const app = await createApi();
  onTestFinished(() => app.close());
  await app.listen(0, '127.0.0.1');
  const base = await app.getUrl();
  number.webhookUrl = `${base}/webhooks/whatsapp/${id}`;
  const post = (body: string | Buffer, headers: Record<string, string> = {}, url = number.webhookUrl!) =>
    fetch(url, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'x-hub-signature-256': signatureOf(appSecret, Buffer.from(body)),
        ...headers,
      },
    });
  return {
    base,
    number,
    post,
    kept: () =>
      withClient(house.databaseUrl, async (client) => {
        const { rows } = await client.query<{ body: string }>('SELECT body FROM inbound_deliveries ORDER BY seq');
        return rows.map(({ body }) => body);
      }),
  };
}

test('Meta’s handshake: the challenge as plain text, 403 for a wrong token', async () => {
  const { number, base } = await setup();
  expect(await number.verify()).toBe(true);
  expect(await number.verify({ token: 'wrong' })).toBe(false);
  const wrong = await fetch(`${number.webhookUrl}?hub.mode=subscribe&hub.verify_token=x&hub.verify_token=y&hub.challenge=1`);
  expect(wrong.status).toBe(403);
  expect(await wrong.json()).toMatchObject({ code: 'handshake_refused' });
  expect((await fetch(`${base}/webhooks/whatsapp/${newId()}`)).status).toBe(404);
});

test('the very bytes are checked and kept: escapes, odd spaces, and what is no JSON', async () => {
  const { post, kept } = await setup();
  const bodies = [String.raw`{ "a":"caf\u00e9 1\/2",  "b":1.0}`, '{"entry":', '', '[1]'];
  for (const body of bodies) expect((await post(body)).status).toBe(200);
  expect(await kept()).toEqual(bodies);
});

test('an unsigned or badly signed body is a 401, an unknown channel a 404, and nothing is kept', async () => {
  const { post, kept, base, number } = await setup();
  for (const signature of ['', 'sha256=', 'sha256=00', signatureOf('other', '{}'), `sha1=${'0'.repeat(40)}`]) {
    const answer = await post('{}', { 'x-hub-signature-256': signature });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(await answer.json()).toMatchObject({ code: 'bad_signature' });
  }
  expect((await fetch(number.webhookUrl!, { method: 'POST' })).status).toBe(401);
  expect((await post('{}', {}, `${base}/webhooks/whatsapp/${newId()}`)).status).toBe(404);
  expect((await post('{}', {}, `${base}/webhooks/whatsapp/not-an-id`)).status).toBe(422);
  expect(await kept()).toEqual([]);
});

test('3 MB are taken here, and 1 MB anywhere else; deep bodies are nobody’s business here', async () => {
  const { post, kept, base } = await setup();
  const large = `{"a":"${'x'.repeat(3 * 1024 * 1024 - 100)}"}`;
  expect((await post(large)).status).toBe(200);
  expect((await post('[')).status).toBe(200);
  const deep = '['.repeat(5_000) + ']'.repeat(5_000);
  expect((await post(deep)).status).toBe(200);
  expect((await post('x'.repeat(3 * 1024 * 1024 + 1))).status).toBe(413);
  expect((await kept()).map((body) => body.length)).toEqual([large.length, 1, deep.length]);
  const elsewhere = await fetch(`${base}/api/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `{"email":"${'x'.repeat(1024 * 1024)}"}`,
  });
  expect(elsewhere.status).toBe(413);
});

test('Meta calls as often as it likes, in far less than the 250 ms that it asks for', async () => {
  const { number, kept } = await setup();
  const made = number.makeDeliveries({ messages: 500, customers: 20 });
  const report = await number.postDeliveries(made, { concurrency: 8 });
  console.log('500 webhooks, 8 at once:', report);
  expect(report).toMatchObject({ accepted: 500, lost: 0, statuses: { 200: 500 } });
  expect(report.latency.p50).toBeLessThan(250);
  expect(await kept()).toHaveLength(500);
});
