import { expect, test } from 'vitest';
import { BroadcastChoiceService } from './broadcast-choice.service.js';
import { setupBroadcasts } from './broadcasts.fixture.js';

async function setup() {
  const house = await setupBroadcasts();
  const { module, tenancy, merchantId } = house;
  const choices = module.get(BroadcastChoiceService);
  return {
    ...house,
    offered: () => tenancy.run(merchantId, (tx) => choices.templates(tx)),
    tags: () => tenancy.run(merchantId, (tx) => choices.tags(tx)),
  };
}

test('what can be broadcast is one template of each name, active and of category marketing, with what it must be told', async () => {
  const { template, offered, rows } = await setup();
  await template('closed', 'utility');
  await template('code', 'authentication');
  await template('draft', 'marketing');
  await template('french', 'marketing', { language: 'fr' });
  await template('offer', 'marketing', { body: '{{what}}, {{customer}}, until {{until}}' });
  const variables = [
    { name: 'until', type: 'date', example: '2026-12-24' },
    { name: 'spare', type: 'text', example: 'never used' },
    { name: 'what', type: 'text', example: 'Rice' },
    { name: 'customer', type: 'text', example: 'Rudo' },
  ];
  await rows(`UPDATE message_templates SET variables = $1 WHERE name = 'offer'`, [JSON.stringify(variables)]);
  await rows(`UPDATE message_templates SET status = 'draft' WHERE name = 'draft'`);
  await template('photo', 'marketing');
  await rows(
    `UPDATE message_templates SET type = 'media', content = '{ "mediaVariable": "file" }', variables = $1 WHERE name = 'photo'`,
    [JSON.stringify([{ name: 'file', type: 'text', example: 'an id' }])],
  );
  expect((await offered()).map(({ name, needs }) => [name, needs.map((each) => each.name)])).toEqual([
    ['offer', ['what', 'until']],
    ['sale', []],
  ]);
});

test('a change of it in any language is another edition', async () => {
  const { offered, rows } = await setup();
  const edition = async () => (await offered()).find(({ name }) => name === 'sale')!.edition;
  const first = await edition();
  expect(await edition()).toBe(first);
  await rows(`UPDATE message_templates SET content = '{ "body": "Nouveau" }' WHERE name = 'sale' AND language = 'fr'`);
  const second = await edition();
  await rows(`UPDATE message_templates SET status = 'archived' WHERE name = 'sale' AND language = 'fr'`);
  expect(new Set([first, second, await edition()]).size).toBe(3);
});

test('tags that most customers have come first', async () => {
  const { customer, tags } = await setup();
  await customer({ tags: ['harare', 'wholesale'] });
  await customer({ tags: ['wholesale', 'bulawayo'] });
  await customer();
  expect(await tags()).toEqual(['wholesale', 'bulawayo', 'harare']);
});
