import { newId, NotFoundError, type Page, workContext } from '@soko/common';
import { integration } from '@soko/testing';
import { expect, test } from 'vitest';
import { ChannelService } from './channel.service.js';
import type { ContactView } from './contact.dto.js';
import { ChatService } from './chat.service.js';
import { ContactService } from './contact.service.js';
import { OptInRefusedError } from './messaging.errors.js';
import { MessageStore } from './message.store.js';
import { MessagingModule } from './messaging.module.js';

const phone = (n: number) => `+26377100${String(n).padStart(4, '0')}`;

async function setup() {
  const house = await integration({ imports: [MessagingModule] });
  const { tenancy, module } = house;
  const merchantId = await house.shop();
  const channels = module.get(ChannelService);
  const channel = await channels.create(merchantId, { name: 'Shop', kind: 'simulator' });
  const contacts = module.get(ContactService);
  return {
    ...house,
    merchantId,
    channels,
    channel,
    contacts,
    list: (query: { q?: string; tag?: string; cursor?: string; limit?: number } = {}) =>
      contacts.list(merchantId, { limit: 50, ...query }),
    receive: (n: number, name?: string, channelId = channel.id, body = 'hi') =>
      tenancy.run(merchantId, (tx) =>
        module.get(MessageStore).receive(tx, channelId, {
          waMessageId: newId(),
          from: { phone: phone(n) },
          name,
          content: { type: 'text', text: { body } },
        }),
      ),
  };
}

test('contacts come newest first, each once, by pages, and are found by part of a name or number', async () => {
  const { receive, list } = await setup();
  for (let n = 1; n <= 7; n += 1) await receive(n, n === 3 ? 'Rudo Moyo' : undefined);
  const seen: (string | undefined)[] = [];
  let page: Page<ContactView> | undefined;
  do {
    page = await list({ limit: 3, cursor: page?.pagination.nextCursor });
    seen.push(...page.data.map((contact) => contact.phone));
  } while (page.pagination.hasMore);
  expect(seen).toEqual([7, 6, 5, 4, 3, 2, 1].map(phone));
  const found = async (q: string) => (await list({ q })).data.map((contact) => contact.phone);
  expect(await found('rudo')).toEqual([phone(3)]);
  expect(await found('0005')).toEqual([phone(5)]);
  expect(await found('%')).toEqual([]);
});

test('a contact shows who it is, what it wants, and its chats on all channels', async () => {
  const { receive, list, contacts, merchantId, channels, channel } = await setup();
  const second = await channels.create(merchantId, { name: 'Second', kind: 'simulator' });
  await receive(1, 'Rudo');
  await receive(1, 'Rudo', second.id);
  await receive(1, 'Rudo', second.id);
  const [{ id } = { id: '' }] = (await list()).data;
  const at = expect.any(String) as string;
  expect(await contacts.get(merchantId, id)).toEqual({
    id,
    phone: phone(1),
    name: 'Rudo',
    tags: [],
    optedOut: false,
    marketingStopped: false,
    blocked: false,
    createdAt: at,
    chats: [
      { id: at, channelId: channel.id, unread: 1, lastMessageAt: at },
      { id: at, channelId: second.id, unread: 2, lastMessageAt: at },
    ],
  });
});

test('the merchant’s name for a customer stays, whatever they call themselves, and is the one that is shown and searched', async () => {
  const { receive, list, contacts, merchantId, module } = await setup();
  await receive(1, 'Rudo');
  const [{ id } = { id: '' }] = (await list()).data;
  expect((await contacts.update(merchantId, id, { name: 'Rudo of stall 5' })).name).toBe('Rudo of stall 5');
  await receive(1, 'RUDO!!');
  expect((await contacts.get(merchantId, id)).name).toBe('Rudo of stall 5');
  expect((await list({ q: 'stall' })).data).toHaveLength(1);
  const chats = module.get(ChatService);
  expect((await chats.list(merchantId, { limit: 5, q: 'stall' })).data[0]!.contact.name).toBe('Rudo of stall 5');
  expect((await chats.list(merchantId, { limit: 5, q: '!!' })).data).toEqual([]);
});

test('tags are the merchant’s notes: given all at once, kept when others change, and a way to find who has them', async () => {
  const { receive, list, contacts, merchantId } = await setup();
  for (let n = 1; n <= 3; n += 1) await receive(n);
  const [third, second] = (await list()).data;
  expect((await contacts.update(merchantId, third!.id, { tags: ['wholesale', 'harare'] })).tags).toEqual(['wholesale', 'harare']);
  await contacts.update(merchantId, second!.id, { tags: ['harare'] });
  expect((await contacts.update(merchantId, third!.id, { name: 'Rudo' })).tags).toEqual(['wholesale', 'harare']);
  expect((await list({ tag: 'harare' })).data.map(({ id }) => id)).toEqual([third!.id, second!.id]);
  expect((await list({ tag: 'wholesale' })).data.map(({ id }) => id)).toEqual([third!.id]);
  expect((await list({ tag: 'hara' })).data).toEqual([]);
  expect((await contacts.update(merchantId, third!.id, { tags: [] })).tags).toEqual([]);
});

test('who agreed to marketing, and where: as the merchant says, or by START; STOP takes it back, and only START brings it again', async () => {
  const { receive, list, contacts, merchantId } = await setup();
  await receive(1);
  const [{ id, ...met } = { id: '' }] = (await list()).data;
  expect(met).not.toHaveProperty('optedInAt');
  const agreed = await contacts.update(merchantId, id, { optedIn: true, optInSource: 'Signed at the till' });
  expect(agreed).toMatchObject({ optedInAt: expect.any(String) as string, optInSource: 'Signed at the till' });
  // The first time counts.
  const again = await contacts.update(merchantId, id, { optedIn: true, optInSource: 'Fair' });
  expect(again).toMatchObject({ optedInAt: agreed.optedInAt, optInSource: 'Signed at the till' });
  expect(await contacts.update(merchantId, id, { optedIn: false })).not.toHaveProperty('optedInAt');
  await receive(1, undefined, undefined, 'START');
  expect(await contacts.get(merchantId, id)).toMatchObject({ optedOut: false, optInSource: 'START' });
  await receive(1, undefined, undefined, 'STOP');
  const stopped = await contacts.get(merchantId, id);
  expect(stopped).toMatchObject({ optedOut: true });
  expect(stopped).not.toHaveProperty('optedInAt');
  await expect(contacts.update(merchantId, id, { optedIn: true, optInSource: 'Fair' })).rejects.toThrow(OptInRefusedError);
  await receive(1, undefined, undefined, 'subscribe');
  expect(await contacts.get(merchantId, id)).toMatchObject({ optedOut: false, optInSource: 'START' });
});

test('nothing given changes nothing; unknown contacts and those of others are not found', async () => {
  const { receive, list, contacts, merchantId, shop } = await setup();
  await receive(1, 'Rudo');
  const [contact] = (await list()).data;
  expect(await contacts.update(merchantId, contact!.id, {})).toMatchObject(contact!);
  const other = await shop();
  for (const [merchant, id] of [
    [other, contact!.id],
    [merchantId, newId()],
  ] as const) {
    await expect(contacts.get(merchant, id)).rejects.toThrow(NotFoundError);
    await expect(contacts.update(merchant, id, { blocked: true, name: 'x' })).rejects.toThrow(NotFoundError);
  }
  expect((await contacts.list(other, { limit: 5 })).data).toEqual([]);
  expect(await contacts.get(merchantId, contact!.id)).toMatchObject(contact!);
});

test('in the trail stand the decisions of the merchant’s people, and nothing that a customer does', async () => {
  const { receive, list, contacts, merchantId, tenancy } = await setup();
  await receive(1, 'Rudo');
  await receive(1, 'Rudo M.');
  await tenancy.run(merchantId, (tx) => contacts.setMarketingStopped(tx, { phone: phone(1), lid: '1' }, true));
  const [contact] = (await list()).data;
  const trail = () =>
    tenancy.run(merchantId, (tx) =>
      tx.query<{ action: string; after: object }>(`SELECT action, after FROM audit_logs WHERE entity = 'contact' ORDER BY seq`),
    );
  expect(await trail()).toEqual([]);
  await workContext.run({ requestId: newId(), actor: { type: 'system' } }, async () => {
    await contacts.update(merchantId, contact!.id, { name: 'Rudo of stall 5' });
    await contacts.update(merchantId, contact!.id, { blocked: true });
    await contacts.update(merchantId, contact!.id, { blocked: true });
  });
  await receive(1, 'Rudo M.', undefined, 'START');
  await receive(1, 'Rudo M.', undefined, 'STOP');
  const entries = await trail();
  expect(entries.map(({ action }) => action)).toEqual(['update', 'update']);
  expect(entries.at(-1)!.after).toEqual({
    merchant_id: merchantId,
    id: contact!.id,
    own_name: 'Rudo of stall 5',
    tags: [],
    opted_in_at: null,
    opt_in_source: null,
    blocked_at: expect.any(String),
    created_at: expect.any(String),
  });
});

test('that the merchant says somebody agreed, or does no more, is a decision of the trail, and so are tags', async () => {
  const { receive, list, contacts, merchantId, tenancy } = await setup();
  await receive(1, 'Rudo');
  const [contact] = (await list()).data;
  await workContext.run({ requestId: newId(), actor: { type: 'system' } }, async () => {
    await contacts.update(merchantId, contact!.id, { tags: ['wholesale'] });
    await contacts.update(merchantId, contact!.id, { optedIn: true, optInSource: 'Fair' });
    await contacts.update(merchantId, contact!.id, { optedIn: false });
  });
  const trail = await tenancy.run(merchantId, (tx) =>
    tx.query<{ after: object }>(`SELECT after FROM audit_logs WHERE entity = 'contact' ORDER BY seq`),
  );
  expect(trail.map(({ after }) => after)).toMatchObject([
    { tags: ['wholesale'], opt_in_source: null },
    { opt_in_source: 'Fair', opted_in_at: expect.any(String) as string },
    { opt_in_source: null, opted_in_at: null },
  ]);
});
