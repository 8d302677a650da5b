import { newId, NotFoundError, ValidationError, workContext } from '@soko/common';
import { merchantRegistered } from '@soko/contracts';
import { Log } from '@soko/observability';
import { HandlerRegistry, ReactionProcessor, ReactionSink } from '@soko/queues';
import { integration, parallel } from '@soko/testing';
import { describe, expect, test } from 'vitest';
import type { CreateTemplateBody } from './template.dto.js';
import { TemplateHistoryService } from './template-history.service.js';
import { TemplateRenderer } from './template-renderer.js';
import { TemplateService } from './template.service.js';
import {
  TemplateChangedError,
  TemplateExistsError,
  TemplateNotActiveError,
  TemplateNotFoundError,
  TemplateVersionNotFoundError,
} from './templates.errors.js';
import { TemplatesModule } from './templates.module.js';

const NAMES = [
  'delivery_started',
  'delivery_update',
  'order_confirmation',
  'order_rejected',
  'order_update',
  'payment_link',
  'payment_transfer',
  'welcome',
];
const READY: CreateTemplateBody = {
  name: 'order_ready',
  language: 'en',
  type: 'text',
  content: { header: 'Order #{{number}}', body: 'Dear {{customer}}, it is ready.' },
  variables: [
    { name: 'number', type: 'text', example: '1042' },
    { name: 'customer', type: 'text', example: 'Rudo', default: 'customer' },
  ],
};

async function setup() {
  const house = await integration({ imports: [TemplatesModule] });
  const { tenancy, module } = house;
  const merchantId = await house.shop();
  const templates = module.get(TemplateService);
  const renderer = module.get(TemplateRenderer);
  return {
    ...house,
    merchantId,
    templates,
    renderer,
    history: module.get(TemplateHistoryService),
    create: (more: Partial<CreateTemplateBody> = {}) => templates.create(merchantId, { ...READY, ...more }),
    rows: <R extends object>(sql: string, values: unknown[] = []) => tenancy.run(merchantId, (tx) => tx.query<R>(sql, values)),
    render: (name: string, variables: Record<string, unknown>, language?: string) =>
      tenancy.run(merchantId, (tx) => renderer.render(tx, { name, variables, language })),
    body: async (language?: string, name = 'order_ready') => {
      const { content } = await tenancy.run(merchantId, (tx) =>
        renderer.render(tx, { name, language, variables: { number: '7' }, spare: true }),
      );
      return content.type === 'text' && content.text.body;
    },
  };
}

/** A merchant that has just registered, and the reaction that gives it templates. */
async function registered() {
  const house = await integration({ imports: [TemplatesModule], providers: [ReactionSink] });
  const { tenancy, module, system } = house;
  const { merchant } = await house.merchant();
  const [event] = await tenancy.run(merchant.id, (tx) =>
    tx.query<{ id: string; type: string; subject: string }>('SELECT id, type, subject FROM events'),
  );
  const processor = new ReactionProcessor(tenancy, module.get(HandlerRegistry), module.get(Log));
  const templates = module.get(TemplateService);
  return {
    ...house,
    templates,
    merchantId: merchant.id,
    event: event!,
    all: async () => (await templates.list(merchant.id, { limit: 100 })).data,
    seed: async () => {
      await system.run((tx) =>
        module.get(ReactionSink).fanOut(tx, [{ ...event!, merchantId: merchant.id, position: 1, requestId: null }]),
      );
      await parallel(5, () => processor.run({ merchantId: merchant.id, reaction: 'templates.seed', subject: event!.subject }));
    },
  };
}

describe('a new merchant', () => {
  test('gets the default templates in three languages, once, however often the reaction runs', async () => {
    const { event, seed, all, templates, shop } = await registered();
    expect(event.type).toBe(merchantRegistered.type);
    expect(await all()).toEqual([]);
    await seed();
    await seed();
    const names = (await all()).map(({ name, language }) => `${name} ${language}`).toSorted();
    expect(names).toEqual(NAMES.flatMap((name) => ['ar', 'en', 'fr'].map((language) => `${name} ${language}`)));
    expect((await templates.list(await shop(), { limit: 50 })).data).toEqual([]);
  });

  test('keeps what it has written itself, and does without what it has deleted', async () => {
    const { seed, all, templates, merchantId } = await registered();
    const own = await templates.create(merchantId, {
      name: 'order_update',
      language: 'en',
      type: 'text',
      content: { body: 'Ours' },
    });
    await seed();
    expect((await all()).find(({ name, language }) => name === 'order_update' && language === 'en')?.id).toBe(own.id);
    const welcome = (await all()).filter(({ name }) => name === 'welcome');
    for (const { id } of welcome) await templates.remove(merchantId, id);
    await seed();
    expect((await all()).filter(({ name }) => name === 'welcome')).toEqual([]);
  });

  test.each(['en', 'fr', 'ar'])(
    'can send every default in %s with what orders give, and with the longest of names',
    async (language) => {
      const { seed, all, module, tenancy, merchantId } = await registered();
      await seed();
      for (const { name } of (await all()).filter((each) => each.language === language)) {
        const link = `https://soko.example.com/track/${'7'.repeat(40)}`;
        const [customer, total] = ['R'.repeat(60), { amount: 125_000, currency: 'USD' }];
        const variables = { number: '1042', total, status: 'x', customer, driver: customer, code: '0482', link };
        const { template, content } = await tenancy.run(merchantId, (tx) =>
          module.get(TemplateRenderer).render(tx, { name, language, variables, spare: true }),
        );
        expect([template.language, content.type]).toEqual([language, 'text']);
        expect(content.type === 'text' && content.text.body).not.toMatch(/[{}]/);
      }
    },
  );
});

describe('the merchant’s templates', () => {
  test('are made, read, changed and taken away', async () => {
    const { create, templates, merchantId, shop } = await setup();
    const made = await create({ reason: 'For the new shop' });
    expect(made).toMatchObject({ name: 'order_ready', status: 'active', category: 'utility', version: 1, warnings: [] });
    expect(await templates.get(merchantId, made.id)).toMatchObject({ content: READY.content, reason: 'For the new shop' });
    const changed = await templates.update(merchantId, made.id, { content: { body: 'Come, {{customer}}!' }, status: 'draft' });
    expect(changed).toMatchObject({ version: 2, status: 'draft', warnings: [{ path: 'variables.0', code: 'unused' }] });
    expect(changed.reason).toBeUndefined();
    const stranger = await shop();
    for (const call of [
      () => templates.get(stranger, made.id),
      () => templates.update(stranger, made.id, { status: 'draft' }),
      () => templates.remove(stranger, made.id),
    ])
      await expect(call()).rejects.toThrow(NotFoundError);
    await templates.remove(merchantId, made.id);
    await expect(templates.get(merchantId, made.id)).rejects.toThrow(NotFoundError);
    // The name is free again.
    expect((await create()).id).not.toBe(made.id);
  });

  test('are listed in pages, by type, status, language and name', async () => {
    const { create, templates, merchantId } = await setup();
    const ids: string[] = [];
    for (const language of ['en', 'fr', 'pt-BR']) ids.push((await create({ language })).id);
    const draft = await create({
      name: 'bye',
      status: 'draft',
      variables: [],
      type: 'buttons',
      content: { body: 'Bye', buttons: [{ id: 'a', title: 'A' }] },
    });
    const of = async (query: object) => (await templates.list(merchantId, { limit: 10, ...query })).data.map(({ id }) => id);
    expect(await of({})).toEqual([...ids, draft.id]);
    expect(await of({ name: 'order_ready' })).toEqual(ids);
    expect(await of({ language: 'fr' })).toEqual([ids[1]]);
    expect(await of({ status: 'draft' })).toEqual([draft.id]);
    expect(await of({ type: 'buttons' })).toEqual([draft.id]);
    const page = await templates.list(merchantId, { limit: 3 });
    expect(page.pagination).toMatchObject({ hasMore: true });
    expect(await of({ limit: 3, cursor: page.pagination.nextCursor })).toEqual([draft.id]);
  });

  test('that could not be sent are not saved, with every fault named', async () => {
    const { create } = await setup();
    const faultsOf = (more: Partial<CreateTemplateBody>) =>
      create(more).then(
        () => [],
        (error: unknown) => (error as ValidationError).errors!.map(({ path, code }) => `${path} ${code}`),
      );
    expect(await faultsOf({ content: { body: 'Dear {{stranger}}' } })).toEqual(['content.body undeclared']);
    expect(await faultsOf({ content: { body: '' } })).toEqual(['content.body isLength']);
    expect(await faultsOf({ content: { body: 'x', colour: 'red' } })).toEqual([expect.stringMatching(/^content\.colour/)]);
    // The worst that the example lets expect.
    const variables = [{ name: 'customer', type: 'text' as const, example: 'R'.repeat(100) }];
    const buttons = { body: 'Well?', footer: '{{customer}}', buttons: [{ id: 'a', title: 'A' }] };
    expect(await faultsOf({ type: 'buttons', content: buttons, variables })).toEqual(['content.footer tooLong']);
  });

  test('have one of each name and language', async () => {
    const { create, templates, merchantId } = await setup();
    await create();
    await expect(create()).rejects.toThrow(TemplateExistsError);
    const french = await create({ language: 'fr' });
    await expect(templates.update(merchantId, french.id, { language: 'en' })).rejects.toThrow(TemplateExistsError);
    const made = await parallel(5, () =>
      create({ name: 'race' }).then(
        () => 1,
        () => 0,
      ),
    );
    expect(made.reduce<number>((sum, one) => sum + one, 0)).toBe(1);
  });

  test('with a file need one that is there', async () => {
    const { create } = await setup();
    const mediaId = newId();
    await expect(create({ type: 'media', content: { mediaId }, variables: [] })).rejects.toThrow(NotFoundError);
  });
});

describe('versions', () => {
  test('tell who changed what, and why; what changes nothing makes none', async () => {
    const { create, templates, history, merchantId, rows } = await setup();
    const actor = { type: 'user' as const, id: newId(), role: 'owner' };
    const { id } = await workContext.run({ requestId: newId(), actor }, () => create());
    await templates.update(merchantId, id, { content: { body: 'Come, {{customer}}, for {{number}}!' }, reason: 'Shorter' });
    await templates.update(merchantId, id, { content: { body: 'Come, {{customer}}, for {{number}}!' }, reason: 'Again' });
    await rows(`UPDATE message_templates SET cloud_status = 'paused' WHERE id = $1`, [id]);
    const { data } = await history.list(merchantId, id, { limit: 10 });
    expect(data).toMatchObject([
      {
        version: 2,
        reason: 'Shorter',
        actor: { type: 'system' },
        changes: [
          { path: 'content.body', before: 'Dear {{customer}}, it is ready.', after: 'Come, {{customer}}, for {{number}}!' },
          { path: 'content.header', before: 'Order #{{number}}' },
        ],
      },
      { version: 1, actor, changes: [] },
    ]);
    const page = await history.list(merchantId, id, { limit: 1 });
    expect(page.data[0]!.changes).toHaveLength(2);
    expect((await history.list(merchantId, id, { limit: 1, cursor: page.pagination.nextCursor })).data[0]!.version).toBe(1);
  });

  test('are compared, and gone back to by a new one', async () => {
    const { create, templates, history, merchantId } = await setup();
    const { id } = await create();
    await templates.update(merchantId, id, { status: 'archived' });
    await templates.update(merchantId, id, { content: { body: 'Three: {{customer}} {{number}}' }, status: 'active' });
    const { changes } = await history.diff(merchantId, id, { from: 1, to: 3 });
    expect(changes.map(({ path }) => path)).toEqual(['content.body', 'content.header']);
    expect(await history.rollback(merchantId, id, { version: 1 })).toMatchObject({
      version: 4,
      content: READY.content,
      reason: 'As in version 1 again',
    });
    expect((await history.diff(merchantId, id, { from: 1, to: 4 })).changes).toEqual([]);
    expect(await history.rollback(merchantId, id, { version: 1 })).toMatchObject({ version: 4 });
    await expect(history.rollback(merchantId, id, { version: 9 })).rejects.toThrow(TemplateVersionNotFoundError);
    expect(await history.diff(merchantId, id, {})).toEqual(await history.diff(merchantId, id, { from: 3, to: 4 }));
    expect(await history.diff(merchantId, id, { to: 1 })).toEqual({ from: 1, to: 1, changes: [] });
    await expect(history.diff(merchantId, id, { from: 1, to: 9 })).rejects.toThrow(TemplateVersionNotFoundError);
    await expect(history.list(merchantId, newId(), { limit: 1 })).rejects.toThrow(NotFoundError);
  });

  test('cannot be changed or made by hand, nor jumped over', async () => {
    const { create, rows, system } = await setup();
    const { id } = await create();
    for (const sql of [
      `UPDATE template_versions SET content = '{}'`,
      'DELETE FROM template_versions',
      `INSERT INTO template_versions SELECT merchant_id, template_id, 7, name, language, type, category, status, content, variables FROM template_versions`,
    ])
      await expect(rows(sql)).rejects.toThrow(/permission denied/);
    await expect(system.query('DELETE FROM template_versions')).rejects.toThrow(/permission denied|append-only/);
    await rows('UPDATE message_templates SET version = 9 WHERE id = $1', [id]);
    expect(await rows('SELECT version FROM message_templates WHERE id = $1', [id])).toEqual([{ version: 1 }]);
  });

  test('are one for each of many changes at once; who has read an older one is told so', async () => {
    const { create, templates, history, merchantId } = await setup();
    const { id } = await create();
    const done = await parallel(8, (n) =>
      templates.update(merchantId, id, { content: { body: `${n} {{number}} {{customer}}` }, version: 1 }).then(
        () => 'changed',
        (error: unknown) => (error instanceof TemplateChangedError ? 'refused' : error),
      ),
    );
    expect(done.map(String).toSorted((a, b) => a.localeCompare(b))).toEqual([
      'changed',
      ...Array.from({ length: 7 }, () => 'refused'),
    ]);
    await parallel(8, (n) => templates.update(merchantId, id, { content: { body: `again ${n} {{number}} {{customer}}` } }));
    const { data } = await history.list(merchantId, id, { limit: 50 });
    expect(data.map(({ version }) => version)).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
  });
});

describe('a message', () => {
  test('tells of which version it was made, and that is kept when the template goes', async () => {
    const { create, templates, history, merchantId, render } = await setup();
    const { id } = await create();
    await templates.update(merchantId, id, { content: { body: 'Now {{number}} {{customer}}' } });
    expect(await render('order_ready', { number: 7 })).toEqual({
      template: { id, version: 2, name: 'order_ready', language: 'en', category: 'utility' },
      content: { type: 'text', text: { body: 'Now 7 customer' } },
    });
    await templates.remove(merchantId, id);
    await expect(render('order_ready', { number: 7 })).rejects.toThrow(TemplateNotFoundError);
    expect((await history.list(merchantId, id, { limit: 10 })).data).toHaveLength(2);
  });

  test('is in the language asked for, else the merchant’s own, else English, each without its region too', async () => {
    const { create, body, rows } = await setup();
    for (const language of ['en', 'sn', 'ar', 'ar-EG'])
      await create({ language, content: { body: `${language} {{number}} {{customer}}` } });
    await create({ language: 'fr', content: { body: 'draft {{number}} {{customer}}' }, status: 'draft' });
    expect(await body()).toBe('en 7 customer');
    expect(await body('sn')).toBe('sn 7 customer');
    expect(await body('sn-ZW')).toBe('sn 7 customer');
    expect(await body('ar-EG')).toMatch(/^ar-EG/);
    expect(await body('ar-MA')).toMatch(/^ar 7/);
    expect(await body('fr')).toBe('en 7 customer');
    await rows(`UPDATE merchants SET locale = 'sn-ZW'`);
    expect(await body()).toBe('sn 7 customer');
    expect(await body('de')).toBe('sn 7 customer');
    expect(await body('en')).toBe('en 7 customer');
  });

  test('has its money, dates and numbers as the language and the merchant’s time zone write them', async () => {
    const { create, render, rows } = await setup();
    await rows(`UPDATE merchants SET timezone = 'Africa/Harare', currency = 'EUR'`);
    const variables = [
      { name: 'total', type: 'money' as const, example: '€12.50' },
      { name: 'at', type: 'date' as const, example: '2026-11-28T08:00:00Z' },
      { name: 'count', type: 'number' as const, example: '1000' },
    ];
    for (const language of ['en', 'fr'])
      await create({ name: 'bill', language, variables, content: { body: '{{total}} | {{at}} | {{count}}' } });
    const said = async (language: string) => {
      const { content } = await render(
        'bill',
        { total: { amount: 125_050 }, at: '2026-11-28T22:30:00Z', count: 12_500 },
        language,
      );
      return content.type === 'text' && content.text.body.replaceAll(/\s/g, ' ');
    };
    expect(await said('en')).toBe('€1,250.50 | November 29, 2026 at 12:30 AM | 12,500');
    expect(await said('fr')).toBe('1 250,50 € | 29 novembre 2026 à 00:30 | 12 500');
  });

  test('is not made of drafts, of archived ones, or with values that are missing, unknown or of another type', async () => {
    const { create, render, templates, merchantId } = await setup();
    const { id } = await create();
    const faultsOf = (variables: object) =>
      render('order_ready', variables as Record<string, unknown>).then(
        () => [],
        (error: unknown) => (error as ValidationError).errors!.map(({ path, code }) => `${path} ${code}`),
      );
    expect(await faultsOf({})).toEqual(['variables.number missing']);
    expect(await faultsOf({ number: '7', colour: 'red' })).toEqual(['variables.colour unknown']);
    expect(await faultsOf({ number: { a: 1 } })).toEqual(['variables.number text']);
    await expect(render('no_such', {})).rejects.toThrow(TemplateNotFoundError);
    for (const status of ['draft', 'archived'] as const) {
      await templates.update(merchantId, id, { status });
      await expect(render('order_ready', { number: '7' })).rejects.toThrow(TemplateNotActiveError);
    }
  });
});

test('a preview shows what is there, with examples where values are missing, and says so', async () => {
  const { create, renderer, merchantId } = await setup();
  const { id } = await create({ status: 'draft', cloud: { name: 'ready', language: 'en', body: ['number'] } });
  const preview = await renderer.preview(merchantId, { templateId: id, variables: { customer: 'Tino' } });
  expect(preview).toMatchObject({
    language: 'en',
    direction: 'ltr',
    missing: ['number'],
    filled: { header: 'Order #1042', body: 'Dear Tino, it is ready.' },
    content: { type: 'text', text: { body: 'Order #1042\n\nDear Tino, it is ready.' } },
    cloud: { name: 'ready', language: 'en', body: ['1042'] },
  });
  const arabic = await renderer.preview(merchantId, {
    template: {
      type: 'text',
      language: 'ar',
      content: { body: 'مرحبًا {{name}}!' },
      variables: [{ name: 'name', type: 'text', example: 'رودو' }],
    },
    variables: { name: 'Rudo' },
  });
  expect([arabic.direction, arabic.missing]).toEqual(['rtl', []]);
  // A name in Latin letters stands apart, so that neither tears the other.
  expect(arabic.content).toEqual({ type: 'text', text: { body: 'مرحبًا \u2068Rudo\u2069!' } });
  await expect(renderer.preview(merchantId, {})).rejects.toThrow(ValidationError);
  await expect(renderer.preview(merchantId, { templateId: newId() })).rejects.toThrow(NotFoundError);
});
