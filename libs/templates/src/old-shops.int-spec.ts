import { newId } from '@soko/common';
import { withOldDatabase } from '@soko/testing';
import { expect, test } from 'vitest';
import { defaultTemplates } from './default-templates.js';

/** What became default after there were shops already. */
const LATER = ['delivery_started', 'payment_link', 'payment_transfer'];

const sorted = (list: { name: string; language: string }[]) =>
  list.toSorted((a, b) => `${a.name} ${a.language}`.localeCompare(`${b.name} ${b.language}`));

test('a shop that was there before gets the default templates that came later, as new ones do, and keeps its own', async () => {
  const [shop, other] = [newId(), newId()];
  await withOldDatabase('20261129T0800', async (client, update) => {
    const own = { body: 'Ours' };
    for (const id of [shop, other])
      await client.query(`INSERT INTO merchants (id, name, currency, timezone, locale) VALUES ($1, 'Shop', 'USD', 'UTC', 'en')`, [
        id,
      ]);
    const had = defaultTemplates('Shop').filter(({ name }) => !LATER.includes(name));
    for (const { name, language, content, variables } of [
      ...had,
      { name: 'payment_link', language: 'fr', content: own, variables: [] },
    ]) {
      await client.query(
        `INSERT INTO message_templates (merchant_id, name, language, type, category, content, variables) VALUES ($1, $2, $3, 'text', 'utility', $4, $5)`,
        [shop, name, language, JSON.stringify(content), JSON.stringify(variables)],
      );
    }
    await update();
    const { rows } = await client.query<{ name: string; language: string; content: object; variables: object }>(
      'SELECT name, language, content, variables FROM message_templates WHERE merchant_id = $1',
      [shop],
    );
    const wanted = defaultTemplates('Shop').map((each) =>
      each.name === 'payment_link' && each.language === 'fr' ? { ...each, content: own, variables: [] } : each,
    );
    expect(sorted(rows)).toEqual(sorted(wanted));
    // A shop that is not set up yet gets them from the event of its registration.
    expect((await client.query('SELECT 1 FROM message_templates WHERE merchant_id = $1', [other])).rows).toEqual([]);
  });
});
