import { merchantRegistered } from '@soko/contracts';
import { Log } from '@soko/observability';
import { HandlerRegistry, ReactionProcessor, ReactionSink } from '@soko/queues';
import { integration, parallel } from '@soko/testing';
import { expect, test } from 'vitest';
import { TemplateService } from './template.service.js';
import { TemplateNotFoundError, TemplateVariablesError } from './templates.errors.js';
import { TemplatesModule } from './templates.module.js';

const NAMES = ['order_confirmation', 'order_rejected', 'order_update'];

async function setup() {
  const house = await integration({ imports: [TemplatesModule], providers: [ReactionSink] });
  const { tenancy, module, system } = house;
  const templates = module.get(TemplateService);
  const { merchant } = await house.merchant();
  const [event] = await tenancy.run(merchant.id, (tx) =>
    tx.query<{ id: string; type: string; subject: string }>('SELECT id, type, subject FROM events'),
  );
  const processor = new ReactionProcessor(tenancy, module.get(HandlerRegistry), module.get(Log));
  return {
    ...house,
    merchantId: merchant.id,
    templates,
    event: event!,
    names: async () => (await templates.list(merchant.id, { limit: 50 })).data.map(({ name }) => name).toSorted(),
    seed: async () => {
      await system.run((tx) =>
        module.get(ReactionSink).fanOut(tx, [{ ...event!, merchantId: merchant.id, position: 1, requestId: null }]),
      );
      await parallel(5, () => processor.run({ merchantId: merchant.id, reaction: 'templates.seed', subject: event!.subject }));
    },
    render: (name: string, variables: Record<string, string | number>, language?: string) =>
      tenancy.run(merchant.id, (tx) => templates.render(tx, name, variables, language)),
    translate: (name: string, language: string, body: string, status = 'active') =>
      tenancy.run(merchant.id, (tx) =>
        tx.query(
          `INSERT INTO message_templates (merchant_id, name, type, language, category, content, status)
           VALUES ($1, $2, 'text', $3, 'utility', $4, $5)`,
          [merchant.id, name, language, JSON.stringify({ body }), status],
        ),
      ),
  };
}

test('a merchant that has registered gets the default templates, once, however often the reaction runs', async () => {
  const { event, seed, names, templates, merchantId, shop } = await setup();
  expect(event.type).toBe(merchantRegistered.type);
  expect(await names()).toEqual([]);
  await seed();
  expect(await names()).toEqual(NAMES);
  await seed();
  expect(await names()).toEqual(NAMES);
  expect((await templates.list(await shop(), { limit: 50 })).data).toEqual([]);
  const page = await templates.list(merchantId, { limit: 2 });
  expect(page.pagination.hasMore).toBe(true);
  expect((await templates.list(merchantId, { limit: 2, cursor: page.pagination.nextCursor })).data).toHaveLength(1);
});

test('a merchant’s own text is not overwritten', async () => {
  const { translate, seed, render } = await setup();
  await translate('order_update', 'en', 'Ours: {{number}}');
  await seed();
  expect(await render('order_update', { number: 7 })).toEqual({ type: 'text', text: { body: 'Ours: 7' } });
});

test('the language asked for comes first, then the merchant’s own, then English', async () => {
  const { translate, seed, render, tenancy, merchantId } = await setup();
  await seed();
  await translate('order_update', 'sn', 'Shona {{number}}');
  await translate('order_update', 'fr', 'draft', 'draft');
  const body = async (language?: string) => {
    const content = await render('order_update', { number: 7, status: 'on its way' }, language);
    return content.type === 'text' && content.text.body;
  };
  expect(await body()).toBe('Order #7: on its way.');
  expect(await body('sn')).toBe('Shona 7');
  expect(await body('sn-ZW')).toBe('Shona 7');
  expect(await body('fr')).toBe('Order #7: on its way.');
  await tenancy.run(merchantId, (tx) => tx.query(`UPDATE merchants SET locale = 'sn-ZW'`));
  expect(await body()).toBe('Shona 7');
  expect(await body('en')).toBe('Order #7: on its way.');
});

test('a template that is missing, and a value that is missing, are named', async () => {
  const { seed, render } = await setup();
  await seed();
  await expect(render('no_such', {})).rejects.toThrow(TemplateNotFoundError);
  await expect(render('order_update', { number: 7 })).rejects.toThrow(TemplateVariablesError);
});
