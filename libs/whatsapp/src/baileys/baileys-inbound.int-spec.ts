import { type Phone, until, type WhatsappWeb } from '@soko/testing';
import type { BinaryNode } from '@whiskeysockets/baileys';
import { expect, test, vi } from 'vitest';
import type { InboundItem } from '../inbound/inbound-item.js';
import { nextNumber, setup } from '../../../../test/support/baileys.js';

const UNDECRYPTABLE = { type: 'unsupported', unsupported: { what: 'undecryptable' } };

/** Changes what the server brings to the device. */
function altering(phone: Phone, alter: (stanza: BinaryNode) => BinaryNode): void {
  const deliver = phone.deliver.bind(phone);
  phone.deliver = (stanza, doubled) => deliver(alter(stanza), doubled);
}

function without(stanza: BinaryNode, name: string): BinaryNode {
  const { [name]: _, ...attrs } = stanza.attrs;
  return { ...stanza, attrs };
}

/** Resolves when placeholders for all that came unreadable before would be there: one that came later is. */
async function placeholdersAreDue(server: WhatsappWeb, phone: Phone, journal: () => Promise<InboundItem[]>): Promise<void> {
  const stranger = server.customer(nextNumber());
  stranger.retry = async () => undefined;
  const id = await stranger.write(phone, { text: 'Nobody reads this' }, { undecryptable: true });
  await until('its placeholder', async () =>
    (await journal()).some((item) => 'message' in item && item.message.waMessageId === id),
  );
}

test('messages that waited while we were away come after the reconnect, oldest first', async () => {
  const { server, linked, opened, journalled } = await setup();
  const { phone, session } = await linked();
  await session.close();
  const rudo = server.customer(nextNumber());
  const ids: string[] = [];
  for (let n = 0; n < 25; n += 1) ids.push(await rudo.write(phone, { text: `${n}` }));
  await opened();
  await until('acknowledged', () => ids.every((id) => phone.acknowledged.has(id)));
  expect(await journalled()).toEqual(ids);
});

test('what comes live does not overtake what waited', async () => {
  const { server, linked, opened, journalled } = await setup();
  const { phone, session } = await linked();
  await session.close();
  const rudo = server.customer(nextNumber());
  const ids: string[] = [];
  for (let n = 0; n < 40; n += 1) ids.push(await rudo.write(phone, { text: `${n}` }));
  const opening = opened();
  await until('online', () => phone.online);
  for (let n = 0; n < 40; n += 1) ids.push(await rudo.write(phone, { text: `live ${n}` }));
  await opening;
  await until('acknowledged', () => ids.every((id) => phone.acknowledged.has(id)));
  expect(await journalled()).toEqual(ids);
});

test('a customer who writes from a lid and one who writes from a number: both are told in full', async () => {
  const { server, linked, journal } = await setup();
  const { phone } = await linked();
  const people = [server.customer(nextNumber(), { addressing: 'lid' }), server.customer(nextNumber(), { addressing: 'pn' })];
  for (const one of people) {
    const id = await one.write(phone, { text: 'Hi' });
    await until('acknowledged', () => phone.acknowledged.has(id));
    const item = (await journal()).at(-1);
    expect(item).toMatchObject({ message: { waMessageId: id, from: { phone: one.number, lid: one.lidUser } } });
  }
});

test('a lid whose number the stanza does not tell is known from before', async () => {
  const { server, linked, journal } = await setup();
  const { phone } = await linked();
  const rudo = server.customer(nextNumber(), { addressing: 'lid' });
  const first = await rudo.write(phone, { text: 'Hi' });
  await until('acknowledged', () => phone.acknowledged.has(first));
  altering(phone, (stanza) => without(stanza, 'sender_pn'));
  const second = await rudo.write(phone, { text: 'Me again' });
  await until('acknowledged', () => phone.acknowledged.has(second));
  const from = { phone: rudo.number, lid: rudo.lidUser };
  expect(await journal()).toMatchObject([{ message: { waMessageId: first, from } }, { message: { waMessageId: second, from } }]);
});

test('a lid that nobody has told the number of is a customer all the same', async () => {
  const { server, linked, journal } = await setup();
  const { phone } = await linked();
  altering(phone, (stanza) => without(stanza, 'sender_pn'));
  const rudo = server.customer(nextNumber(), { addressing: 'lid' });
  const id = await rudo.write(phone, { text: 'Hi' });
  await until('acknowledged', () => phone.acknowledged.has(id));
  expect(await journal()).toMatchObject([{ message: { waMessageId: id, from: { lid: rudo.lidUser } } }]);
});

test.each(['first', 'later'])('what cannot be read comes once more and can: the %s message of a customer', async (which) => {
  const { server, linked, journal } = await setup({ timings: { placeholder: 1_000 } });
  const { phone } = await linked();
  const rudo = server.customer(nextNumber());
  if (which === 'later') {
    const first = await rudo.write(phone, { text: 'one' });
    await until('acknowledged', () => phone.acknowledged.has(first));
  }
  const id = await rudo.write(phone, { text: 'two' }, { undecryptable: true });
  await until('acknowledged', () => phone.acknowledged.has(id));
  await placeholdersAreDue(server, phone, journal);
  const items = (await journal()).filter((item) => 'message' in item && item.message.waMessageId === id);
  expect(items).toMatchObject([{ message: { content: { text: { body: 'two' } } } }]);
});

test('what never comes readable is shown without its content, and filled in when it comes after all', async () => {
  const { server, linked, journal } = await setup({ timings: { placeholder: 200 } });
  const { phone } = await linked();
  const rudo = server.customer(nextNumber(), { name: 'Rudo' });
  const retry = rudo.retry.bind(rudo);
  rudo.retry = async () => undefined;
  const id = await rudo.write(phone, { text: 'two' }, { undecryptable: true });
  const from = { phone: rudo.number, lid: rudo.lidUser };
  const placeholder = { message: { waMessageId: id, from, name: 'Rudo', content: UNDECRYPTABLE } };
  await until('a placeholder', async () => (await journal()).length > 0);
  expect(await journal()).toEqual([placeholder]);
  await retry(phone, id, 1, undefined);
  await until('its content', async () => (await journal()).length > 1);
  expect(await journal()).toMatchObject([placeholder, { message: { waMessageId: id, content: { text: { body: 'two' } } } }]);
});

test('one that is shown without its content is asked for again when it comes unreadable again', async () => {
  const { server, linked, journal } = await setup({ timings: { placeholder: 100 } });
  const { phone } = await linked();
  const rudo = server.customer(nextNumber());
  const retry = vi.spyOn(rudo, 'retry').mockResolvedValue();
  const id = await rudo.write(phone, { text: 'two' }, { undecryptable: true });
  await until('a placeholder', async () => (await journal()).length > 0);
  const asked = retry.mock.calls.length;
  await rudo.write(phone, { text: 'two' }, { id, undecryptable: true });
  await until('asked again', () => retry.mock.calls.length > asked);
  expect(phone.acknowledged.has(id)).toBe(false);
});

test('what only the phone can show is told at once when the gateway stops', async () => {
  const { server, linked, journal } = await setup();
  const { phone, session } = await linked();
  const rudo = server.customer(nextNumber());
  const seenOnce = { tag: 'unavailable', attrs: { type: 'view_once' } };
  phone.deliver({
    tag: 'message',
    attrs: { from: rudo.pn, sender_lid: rudo.lid, id: 'ONCE', t: String(Math.floor(Date.now() / 1_000)), type: 'media' },
    content: [seenOnce],
  });
  await until('taken', () => phone.unacknowledged.length === 0);
  await session.close();
  const from = { phone: rudo.number, lid: rudo.lidUser };
  expect(await journal()).toEqual([{ message: { waMessageId: 'ONCE', from, content: UNDECRYPTABLE } }]);
});

test('a stanza that comes twice is one message, and no placeholder', async () => {
  const { server, linked, journal } = await setup({ timings: { placeholder: 300 } });
  const { phone } = await linked();
  const rudo = server.customer(nextNumber());
  const ids = [
    await rudo.write(phone, { text: 'first of all' }, { twice: true }),
    await rudo.write(phone, { text: 'second' }, { twice: true }),
  ];
  await until('acknowledged', () => ids.every((id) => phone.acknowledged.has(id)));
  await placeholdersAreDue(server, phone, journal);
  const bodies = (await journal()).flatMap((item) =>
    'message' in item && ids.includes(item.message.waMessageId) ? [[item.message.waMessageId, item.message.content.type]] : [],
  );
  // It may be asked for once more and so be written twice; nothing of it is without content.
  expect(new Set(bodies.map(String))).toEqual(new Set(ids.map((id) => `${id},text`)));
});

test('disappearing messages, taps and places are what they are inside; reactions are taken and say nothing', async () => {
  const { server, linked, journal } = await setup();
  const { phone } = await linked();
  const rudo = server.customer(nextNumber());
  const ids = [
    await rudo.write(phone, { text: 'Gone tomorrow' }, { ephemeral: 86_400 }),
    await rudo.write(phone, { flowReply: { id: 'yes', title: 'Yes' } }),
    await rudo.write(phone, { listReply: { id: 'rice', title: 'Rice' } }),
    await rudo.write(phone, { reaction: { id: 'X', emoji: '👍' } }),
    await rudo.write(phone, { text: 'This one', quoted: { id: 'QUOTED' } }),
  ];
  await until('acknowledged', () => ids.every((id) => phone.acknowledged.has(id)));
  expect(await journal()).toMatchObject([
    { message: { content: { type: 'text', text: { body: 'Gone tomorrow' } } } },
    { message: { content: { type: 'reply', reply: { id: 'yes' } } } },
    { message: { content: { type: 'reply', reply: { id: 'rice', title: 'Rice' } } } },
    { message: { content: { type: 'text' }, replyTo: 'QUOTED' } },
  ]);
});
