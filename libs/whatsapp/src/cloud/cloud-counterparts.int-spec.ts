import { templateStateChanged } from '@soko/contracts';
import type { ClaimedSend } from '@soko/messaging';
import { CounterpartService, TemplateService } from '@soko/templates';
import { describe, expect, it, test } from 'vitest';
import { setup as cloud } from '../../../../test/support/cloud.js';
import { InboundStore } from '../inbound/inbound.store.js';
import { cloudFormat } from './cloud-inbound.js';
import { CloudTemplateSync, NoBusinessAccountError } from './cloud-template-sync.js';

const YESTERDAY = new Date(Date.now() - 25 * 3_600_000);
const TEMPLATE = { name: 'order_update', language: 'en_US', body: ['1042', 'on its way'] };

async function setup() {
  const wabaId = '102290129340398';
  const house = await cloud({ config: { wabaId }, before: (number) => Object.assign(number, { wabaId, enforceWindow: true }) });
  const { module, merchantId, number, tenancy } = house;
  const rows = <R extends object>(sql: string) => tenancy.run(merchantId, (tx) => tx.query<R>(sql));
  return {
    ...house,
    rows,
    sync: () => module.get(CloudTemplateSync).run(merchantId),
    /** One of ours that names a counterpart, and the counterpart at Meta. */
    pair: async (name: string, at: object = {}) => {
      const { id } = await module.get(TemplateService).create(merchantId, {
        name,
        language: 'en',
        type: 'text',
        content: { body: 'Order {{number}}: {{status}}' },
        variables: [
          { name: 'number', type: 'text', example: '1042' },
          { name: 'status', type: 'text', example: 'on its way' },
        ],
        cloud: { name, language: 'en_US', body: ['number', 'status'] },
      });
      number.templates.add({ name, language: 'en_US', body: 'Your order {{1}} is {{2}}.', ...at });
      return id;
    },
    states: () =>
      rows<{ name: string; state: string | null; reason: string | null }>(
        'SELECT name, cloud_status AS state, cloud_reason AS reason FROM message_templates ORDER BY id',
      ),
    news: async () =>
      (await rows<{ data: object }>(`SELECT data FROM events WHERE type = '${templateStateChanged.type}' ORDER BY id`)).map(
        ({ data }) => data,
      ),
  };
}
const old = (cloudTemplate: ClaimedSend['cloudTemplate'] = TEMPLATE) => ({ lastInboundAt: YESTERDAY, cloudTemplate });

describe('when the window is closed', () => {
  it('the counterpart goes out in place of the message; while it is open, the message itself', async () => {
    const { opened, message, received, pair, number } = await setup();
    await pair('order_update');
    const session = await opened();
    await session.send(message(old()));
    await session.send(message({ ...old(), lastInboundAt: null }));
    number.customer(message().to.phone!).lastWroteAt = Date.now();
    await session.send(message({ cloudTemplate: TEMPLATE }));
    expect(received().map(({ type, text }) => [type, text])).toEqual([
      ['template', 'Your order 1042 is on its way.'],
      ['template', 'Your order 1042 is on its way.'],
      ['text', 'Hello 🌽'],
    ]);
  });

  it.each(['paused', 'disabled', 'rejected', 'pending', 'missing'])(
    'one that is %s is not used, and that is said',
    async (state) => {
      const { opened, message, pair, rows, number } = await setup();
      await pair('order_update');
      await rows(`UPDATE message_templates SET cloud_status = '${state}', cloud_reason = 'Low quality'`);
      const session = await opened();
      const asked = number.requests.by.message;
      await expect(session.send(message(old()))).rejects.toMatchObject({
        fate: 'failed',
        code: `template_${state}`,
        message: expect.stringMatching(new RegExp(`order_update \\(en_US\\) is ${state} \\(Low quality\\)`)) as string,
      });
      expect(number.requests.by.message).toBe(asked);
    },
  );

  it('Meta’s refusal is remembered, and told as news once', async () => {
    const { opened, message, pair, states, news, number } = await setup();
    await pair('order_update', { status: 'PAUSED' });
    const session = await opened();
    await expect(session.send(message(old()))).rejects.toMatchObject({ fate: 'failed', code: 'template_paused' });
    expect(await states()).toMatchObject([{ state: 'paused' }]);
    expect(await news()).toMatchObject([{ name: 'order_update', previousState: 'unknown', state: 'paused' }]);
    const asked = number.requests.by.message;
    await expect(session.send(message(old()))).rejects.toMatchObject({ code: 'template_paused' });
    expect([number.requests.by.message, (await news()).length]).toEqual([asked, 1]);
  });

  it('a message without a counterpart fails, and names templates that have one', async () => {
    const { opened, message, pair } = await setup();
    await pair('order_update');
    const session = await opened();
    await expect(session.send(message(old(null)))).rejects.toMatchObject({
      code: 'window_closed',
      message: expect.stringMatching(/counterpart at Meta: order_update\.$/) as string,
    });
  });
});

describe('sync', () => {
  it('reads every page, notes each state, and tells what is another than before', async () => {
    const { pair, number, sync, states, news } = await setup();
    await pair('good');
    const bad = await pair('bad', { status: 'REJECTED' });
    await pair('gone');
    for (let n = 0; n < 450; n += 1) number.templates.add({ name: `other_${n}`, body: 'x' });
    number.templates.remove('gone', 'en_US');
    const first = await sync();
    expect(first).toMatchObject({
      checked: 3,
      failed: [],
      missing: [{ name: 'gone', counterpart: { name: 'gone', language: 'en_US' } }],
    });
    expect(number.requests.by.templates).toBe(3);
    expect(await states()).toMatchObject([
      { name: 'good', state: 'approved' },
      { name: 'bad', state: 'rejected' },
      { name: 'gone', state: 'missing' },
    ]);
    number.templates.add({ name: 'good', language: 'en_US', body: 'Your order {{1}} is {{2}}.', status: 'DISABLED' });
    expect((await sync()).changed).toMatchObject([{ name: 'good', previousState: 'approved', state: 'disabled' }]);
    expect((await sync()).changed).toEqual([]);
    expect(await news()).toHaveLength(4);
    expect((await news())[1]).toMatchObject({ templateId: bad, previousState: 'unknown', state: 'rejected' });
  });

  it('leaves all as it is where the account cannot be read, and says why', async () => {
    const { pair, number, sync, states, channel } = await setup();
    await pair('good');
    number.failNext(1, { code: 190, on: 'templates' });
    expect(await sync()).toMatchObject({
      changed: [],
      missing: [],
      failed: [
        { channelId: channel.id, code: 'token_invalid', message: expect.stringContaining('PATCH /api/channels') as string },
      ],
    });
    expect(await states()).toMatchObject([{ state: null }]);
  });

  it('needs to know the account', async () => {
    const { module, merchantId } = await cloud();
    await expect(module.get(CloudTemplateSync).run(merchantId)).rejects.toThrow(NoBusinessAccountError);
  });
});

test('Meta’s webhook tells a state, too; a newer template of the same counterpart knows it', async () => {
  const { pair, module, merchantId, tenancy, channel, states, news } = await setup();
  await pair('order_update');
  const value = {
    event: 'PAUSED',
    message_template_id: 1,
    message_template_name: 'order_update',
    message_template_language: 'en_US',
    reason: 'Low quality',
  };
  const body = (more: object = {}) =>
    JSON.stringify({
      entry: [{ id: '1', changes: [{ field: 'message_template_status_update', value: { ...value, ...more } }] }],
    });
  for (const given of [body(), body()]) {
    for (const item of cloudFormat.parse(given, { ...channel, config: channel.config }))
      await tenancy.run(merchantId, (tx) => module.get(InboundStore).apply(tx, channel.id, item as never));
  }
  expect(await states()).toEqual([{ name: 'order_update', state: 'paused', reason: 'Low quality' }]);
  expect(await news()).toHaveLength(1);
  expect(await module.get(CounterpartService).state(merchantId, { name: 'order_update', language: 'en_US' })).toEqual({
    state: 'paused',
    reason: 'Low quality',
  });
  expect(cloudFormat.parse(body({ message_template_name: undefined }), channel)).toMatchObject([{ rejected: {} }]);
});
