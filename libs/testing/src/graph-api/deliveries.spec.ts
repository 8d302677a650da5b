import { describe, expect, it } from 'vitest';
import { signatureOf } from './envelope.js';
import { changesIn, setup } from './spec-setup.js';

describe('made deliveries', () => {
  it('hold each item as often as told, signed, in bodies of several changes', async () => {
    const { receiver, number, send, post } = await setup();
    number.statuses = 'none';
    const ours = (await send()).body.messages![0]!.id;
    const made = number.makeDeliveries({
      messages: 1_000,
      customers: 7,
      statusesFor: [ours],
      twice: true,
      shuffled: true,
      batch: 20,
    });
    expect([made.deliveries.length, made.messages.length, made.statuses.length]).toEqual([102, 1_000, 3]);
    const report = await number.postDeliveries(made, { concurrency: 8 });
    expect(report).toMatchObject({ posted: 102, accepted: 102, lost: 0, statuses: { 200: 102 } });

    const changes = receiver.calls.flatMap(changesIn);
    const ids = changes.flatMap(({ value }) => value.messages ?? []).map(({ id }) => id);
    expect(ids).toHaveLength(2_000);
    expect(new Set(ids)).toEqual(new Set(made.messages.map(({ id }) => id)));
    const statuses = changes.flatMap(({ value }) => value.statuses ?? []).map(({ id, status }) => `${id} ${status}`);
    expect(statuses.toSorted()).toEqual(
      ['delivered', 'delivered', 'read', 'read', 'sent', 'sent'].map((status) => `${ours} ${status}`),
    );
    for (const { headers, body } of receiver.calls) {
      expect(headers['x-hub-signature-256']).toBe(signatureOf(number.appSecret, body));
      expect(JSON.stringify(JSON.parse(body))).not.toBe(body);
    }
    expect((await post({ status: 'read', message_id: made.messages[0]!.id })).status).toBe(200);
  });

  it('come in the same order for the same seed', async () => {
    const { number } = await setup();
    const texts = (seed: number) =>
      number
        .makeDeliveries({ messages: 50, shuffled: true, seed })
        .deliveries.map(({ body }) => /Message \d+ of n\\u00b0 \d+/.exec(body.toString())![0]);
    expect(texts(3)).toEqual(texts(3));
    expect(texts(3)).not.toEqual(texts(4));
  });

  it('are posted again until accepted, as often as told', async () => {
    let calls = 0;
    const { number } = await setup({
      answer: (response) => {
        calls += 1;
        response.writeHead(calls % 2 === 1 ? 503 : 200).end();
      },
    });
    const made = number.makeDeliveries({ messages: 10 });
    expect(await number.postDeliveries(made, { concurrency: 1 })).toMatchObject({
      posted: 20,
      accepted: 10,
      statuses: { 200: 10, 503: 10 },
    });
    expect(await number.postDeliveries(made, { concurrency: 1, tries: 1 })).toMatchObject({ posted: 10, accepted: 5, lost: 5 });
  });
});
