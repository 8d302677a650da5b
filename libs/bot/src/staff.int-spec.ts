import { Readable } from 'node:stream';
import { newId } from '@soko/common';
import type { DeliveryAssignedData, InboundContent } from '@soko/contracts';
import { MerchantService, TeamService } from '@soko/identity';
import { MediaService } from '@soko/media';
import { ChatService, MessageStore } from '@soko/messaging';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { tap, text } from './bot.fixture.js';
import { DriverNewsService } from './driver-news.service.js';
import { AGENT, CUSTOMER, DRIVER, OWNER, setupTeam } from './team.fixture.js';

test('a code from the dashboard links the phone that writes it, once', async () => {
  const { say, phones, agent, owner, rows } = await setupTeam();
  const { code, text: words } = await phones.makeCode(agent);
  expect(words).toBe(`link ${code}`);
  const [known] = await say(AGENT, `Link ${code.slice(0, 3)} ${code.slice(3)}`);
  expect(known).toMatch(/^Hello Farai, I know you from now on \(agent\)\./);
  expect(await phones.get(agent, agent.id)).toEqual({ phone: AGENT, name: 'Rudo', linkedAt: expect.any(String) });
  expect((await say(CUSTOMER, words))[0]).toMatch(/^That code is wrong or too old\. .* 4 tries left/);
  expect(await rows('SELECT code_hash FROM link_codes')).toEqual([]);
  expect(await rows(`SELECT actor_id, action FROM audit_logs WHERE entity = 'staff_phone'`)).toEqual([
    { actor_id: agent.id, action: 'create' },
  ]);
  // Another phone takes the place of the first, and another person that of who had the phone.
  await say(OWNER, (await phones.makeCode(agent)).text);
  await say(OWNER, (await phones.makeCode(owner)).text);
  expect(await rows('SELECT user_id FROM staff_phones')).toEqual([{ user_id: owner.id }]);
  expect((await say(AGENT, 'hi'))[0]).toMatch(/^Welcome to Shop!/);
});

test('a code is looked at where a person has the chat too, before anybody else can use it', async () => {
  const { say, phones, agent, module, merchantId, chatOf } = await setupTeam();
  await say(AGENT, 'hi');
  await module.get(ChatService).handover(merchantId, await chatOf(AGENT));
  expect((await say(AGENT, (await phones.makeCode(agent)).text))[0]).toMatch(/^Hello Farai/);
  expect(await say(AGENT, 'help')).toEqual([]);
});

test('codes are void after ten minutes, when there is a newer one, and in another shop', async () => {
  const { say, phones, agent, rows, shop, tenancy } = await setupTeam();
  const older = await phones.makeCode(agent);
  const newer = await phones.makeCode(agent);
  expect((await say(AGENT, older.text))[0]).toMatch(/wrong or too old/);
  const stranger = await shop();
  const outcome = await tenancy.run(stranger, (tx) => phones.link(tx, newId(), newer.code));
  expect(outcome).toEqual({ triesLeft: 4 });
  await rows(`UPDATE link_codes SET expires_at = now() - interval '1 second'`);
  expect((await say(AGENT, newer.text))[0]).toMatch(/wrong or too old/);
});

test('after five wrong codes a phone is not listened to, whatever it writes; others are', async () => {
  const { say, phones, agent } = await setupTeam();
  const { text: words, code } = await phones.makeCode(agent);
  const wrong = code === '000000' ? 'link 111111' : 'link 000000';
  const said = await say(CUSTOMER, wrong, wrong, wrong, wrong, wrong);
  expect(said.at(-2)).toMatch(/1 try left/);
  expect(said.at(-1)).toMatch(/no code from this phone for 15 minutes/);
  expect(await say(CUSTOMER, words)).toEqual([]);
  expect((await say(CUSTOMER, 'hi'))[0]).toMatch(/^Welcome to Shop!/);
  expect((await say(AGENT, words))[0]).toMatch(/^Hello Farai/);
});

test('an order is moved in the name of whoever wrote; a customer who writes the same is a customer', async () => {
  const { say, link, agent, place, orders, merchantId, rows } = await setupTeam();
  const { id } = await place();
  const [answer] = await say(CUSTOMER, 'order 1 confirm');
  expect(answer).toMatch(/^Welcome to Shop!/);
  expect((await orders.get(merchantId, id)).status).toBe('pending');
  await link(AGENT, agent);
  expect(await say(AGENT, 'orders')).toEqual(['1 order today']);
  const [shown, moved] = await say(AGENT, 'order 1', tap('work:confirm:1'));
  expect(shown).toMatch(
    /Order #1: waiting for confirmation.*2 × Maize meal.*Total: \$25\.00, not paid.*Rudo\n\+263771000001\nStreet 1/s,
  );
  expect(moved).toMatch(/Order #1: confirmed/);
  expect((await orders.get(merchantId, id)).history.at(-1)).toMatchObject({ to: 'confirmed', actor: agent.id });
  const trail = `SELECT actor_type, actor_id, actor_role FROM audit_logs WHERE entity = 'order' AND action = 'update'`;
  expect(await rows(trail)).toEqual([{ actor_type: 'user', actor_id: agent.id, actor_role: 'agent' }]);
  expect((await say(AGENT, 'order 1 confirm'))[0]).toMatch(/Order #1 is confirmed: it does not allow that/);
  await say(AGENT, 'order 1 cancel The customer called', tap('work:yes:1'));
  expect(await orders.get(merchantId, id)).toMatchObject({ status: 'cancelled', reason: 'The customer called' });
});

test('who leaves the team, or gets another role, is that at once', async () => {
  const { say, link, agent, place, merchantId, module, rows, phones } = await setupTeam();
  await place();
  await link(AGENT, agent);
  await rows(`UPDATE users SET role = 'driver' WHERE id = '${agent.id}'`);
  expect((await say(AGENT, 'order 1 confirm'))[0]).toMatch(/^That is not for drivers/);
  await module.get(TeamService).remove(merchantId, agent.id);
  expect((await say(AGENT, 'order 1 confirm'))[0]).toMatch(/^Welcome to Shop!/);
  expect(await rows('SELECT status FROM orders')).toEqual([{ status: 'pending' }]);
  await expect(phones.get({ ...agent, role: 'owner' }, agent.id)).rejects.toMatchObject({ code: 'user_not_found' });
});

test('a phone is given back by itself, by its owner or by the shop’s, and by nobody else', async () => {
  const { say, link, agent, driver, owner, phones } = await setupTeam();
  await link(AGENT, agent);
  expect(await say(AGENT, 'unlink')).toEqual([expect.stringMatching(/^This phone is nobody’s any more/)]);
  await expect(phones.get(agent, agent.id)).rejects.toMatchObject({ code: 'phone_not_found' });
  await link(AGENT, agent);
  await expect(phones.unlink(driver, agent.id)).rejects.toMatchObject({ code: 'forbidden' });
  await expect(phones.get(driver, agent.id)).rejects.toMatchObject({ code: 'forbidden' });
  await phones.unlink(owner, agent.id);
  expect((await say(AGENT, 'hi'))[0]).toMatch(/^Welcome to Shop!/);
  await expect(phones.unlink(agent, agent.id)).rejects.toMatchObject({ code: 'phone_not_found' });
});

test('stock is counted by WhatsApp, in the ledger with who and why; what is not possible changes nothing', async () => {
  const { say, link, owner, product, products, merchantId, rows, orders, place } = await setupTeam();
  await link(OWNER, owner);
  expect(await say(OWNER, 'stock MAIZE +5 New delivery')).toEqual(['Maize meal: 15 in stock, 15 free']);
  const ledger = `SELECT on_hand_delta, reason, actor_id FROM stock_movements WHERE on_hand_delta <> 0 ORDER BY id DESC LIMIT 1`;
  expect(await rows(ledger)).toEqual([{ on_hand_delta: 5, reason: 'New delivery', actor_id: owner.id }]);
  const { id } = await place();
  await orders.act(merchantId, id, 'confirm', owner.id);
  const said = await say(OWNER, 'stock maize', '-14', '+9999999', 'stock');
  expect(said).toEqual([
    expect.stringMatching(/Maize meal \(MAIZE\)\n15 in stock, 13 free/),
    expect.stringMatching(/^That is not possible: units that are reserved/),
    expect.stringMatching(/10000014 in stock/),
    'Stock',
  ]);
  expect((await products.get(merchantId, product.id)).stock).toBe(10_000_014);
});

test('a paused bot answers no customer but the team, and what was written waits for a person', async () => {
  const { say, link, owner, module, merchantId, rows, phones, agent } = await setupTeam();
  await link(OWNER, owner);
  expect((await say(OWNER, 'pause'))[0]).toMatch(/^I answer no customer any more/);
  expect(await say(CUSTOMER, 'hi')).toEqual([]);
  expect(await rows('SELECT 1 FROM pending_answers')).toEqual([]);
  expect(await rows(`SELECT status FROM messages WHERE text = 'hi'`)).toEqual([{ status: 'received' }]);
  expect((await module.get(MerchantService).profile(merchantId)).botPaused).toBe(true);
  expect((await say(AGENT, (await phones.makeCode(agent)).text))[0]).toMatch(/^Hello Farai/);
  expect((await say(OWNER, 'resume'))[0]).toMatch(/^I answer customers again/);
  expect((await say(CUSTOMER, 'hi'))[0]).toMatch(/^Welcome to Shop!/);
});

test('one customer’s chat is taken from the bot and given back, and never one’s own', async () => {
  const { say, link, agent, module, merchantId, chatOf } = await setupTeam();
  await say(CUSTOMER, 'hi');
  await link(AGENT, agent);
  expect(await say(AGENT, `pause ${CUSTOMER}`)).toEqual([expect.stringMatching(/^I am silent to \+263771000001/)]);
  const { data } = await module.get(ChatService).list(merchantId, { limit: 10, status: 'handover' });
  expect(data).toMatchObject([{ id: await chatOf(CUSTOMER), handoverBy: agent.id }]);
  expect(await say(AGENT, `resume ${CUSTOMER}`, `pause ${AGENT}`, 'pause +263779999999')).toEqual([
    expect.stringMatching(/^I answer \+263771000001 again/),
    expect.stringMatching(/^Nobody with the number \+263771000003/),
    expect.stringMatching(/^Nobody with the number \+263779999999/),
  ]);
  expect((await say(CUSTOMER, 'hi'))[0]).toMatch(/^Welcome to Shop!/);
});

test('the team can shop, and STOP is about offers whoever says it', async () => {
  const { say, link, agent, rows } = await setupTeam();
  await link(AGENT, agent);
  const said = await say(AGENT, 'shop', 'hi', '1', '2', 'work');
  expect(said).toEqual([
    expect.stringMatching(/^You are a customer now/),
    expect.stringMatching(/^Welcome to Shop!/),
    expect.stringMatching(/How many\?/),
    expect.stringMatching(/^Your cart/),
    expect.stringMatching(/^Hello Farai/),
  ]);
  expect((await say(AGENT, 'STOP'))[0]).toMatch(/no more offers/);
  expect(await rows(`SELECT 1 FROM contacts WHERE opted_out_at IS NOT NULL`)).toHaveLength(1);
  expect((await say(AGENT, 'help'))[0]).toMatch(/^Hello Farai/);
});

test('a driver is told of what is theirs to bring, on the phone from which they wrote today', async () => {
  const { say, link, driver, assigned, heard, module, merchantId, tenancy, rows } = await setupTeam();
  const news = new DriverNewsService(module.get(ChatService), module.get(MerchantService), module.get(MessageStore));
  await assigned();
  const [event] = await rows<{ data: DeliveryAssignedData }>(`SELECT data FROM events WHERE type = 'delivery_assigned'`);
  const tell = () =>
    tenancy.run(merchantId, (tx) =>
      news.run(tx, {
        id: newId(),
        type: 'delivery_assigned',
        timestamp: new Date().toISOString(),
        merchantId,
        data: event!.data,
      }),
    );
  await tell();
  await link(DRIVER, driver);
  await rows(`UPDATE chats SET last_inbound_at = now() - interval '25 hours'`);
  await tell();
  expect((await heard(DRIVER)).at(-1)).toMatch(/^Hello Tapiwa/);
  await say(DRIVER, 'help');
  await tell();
  expect((await heard(DRIVER)).at(-1)).toBe('Order #1 is yours to bring.\n\nRudo');
  expect(await say(DRIVER, 'set out')).toEqual([expect.stringMatching(/^You are on your way with order #1/)]);
});

test('a driver sets out, is seen, and hands over by the customer’s code', async () => {
  const { say, link, driver, assigned, deliveryRows, orders, merchantId, rows } = await setupTeam();
  await link(DRIVER, driver);
  expect((await say(DRIVER, 'deliveries'))[0]).toMatch(/^You have no deliveries now/);
  const { number, code } = await assigned();
  expect(await say(DRIVER, 'deliveries', `start ${number}`)).toEqual([
    '1 delivery is yours',
    expect.stringMatching(/^You are on your way with order #1/),
  ]);
  const here: InboundContent = { type: 'location', location: { latitude: -17.8, longitude: 31 } };
  expect(await say(DRIVER, here, here, here)).toEqual(['The customer sees where you are.']);
  expect(await deliveryRows()).toMatchObject([{ status: 'in_transit', latitude: -17.8 }]);
  const right = await code();
  const wrong = right === '1111' ? '2222' : '1111';
  expect(await say(DRIVER, `done ${number} ${wrong}`, wrong)).toEqual([
    expect.stringMatching(/not the code\. 4 tries left/),
    expect.stringMatching(/not the code\. 3 tries left/),
  ]);
  expect(await deliveryRows()).toMatchObject([{ status: 'in_transit', wrong_codes: 2 }]);
  expect(await say(DRIVER, right)).toEqual([expect.stringMatching(/^Order #1 is delivered/)]);
  expect(await deliveryRows()).toMatchObject([{ status: 'delivered', proof: 'code' }]);
  const [order] = await rows<{ id: string }>('SELECT id FROM orders');
  expect((await orders.get(merchantId, order!.id)).history.at(-1)).toMatchObject({ to: 'delivered', actor: driver.id });
  expect((await say(DRIVER, `done ${number} ${right}`))[0]).toMatch(/not among your deliveries/);
});

test('five wrong codes lock a delivery on WhatsApp as over the api', async () => {
  const { say, link, driver, assigned } = await setupTeam();
  await link(DRIVER, driver);
  const { code } = await assigned();
  await say(DRIVER, 'start 1');
  const right = await code();
  const wrong = right === '1111' ? '2222' : '1111';
  const said = await say(DRIVER, `done 1 ${wrong}`, wrong, wrong, wrong, wrong, right);
  expect(said.slice(-2)).toEqual(Array(2).fill(expect.stringMatching(/too many wrong codes\. Try again in 15 minutes/)));
});

test('a photo proves it too, once it has arrived', async () => {
  const { say, link, driver, assigned, deliveryRows, rows, merchantId, module } = await setupTeam();
  await link(DRIVER, driver);
  await assigned();
  await say(DRIVER, 'start 1');
  const asked = await say(DRIVER, { type: 'image', image: {} }, tap('work:photo:1'));
  expect(asked).toEqual(['Which order is this the proof of?', expect.stringMatching(/still on its way to me/)]);
  const [message] = await rows<{ id: string }>(`SELECT id FROM messages WHERE type = 'image'`);
  const bytes = await sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
    .jpeg()
    .toBuffer();
  await module.get(MediaService).receive(merchantId, message!.id, Readable.from([bytes]), 'image');
  expect(await say(DRIVER, tap('work:photo:1'))).toEqual([expect.stringMatching(/^Order #1 is delivered/)]);
  expect(await deliveryRows()).toMatchObject([{ status: 'delivered', proof: 'photo', photo_id: message!.id }]);
});

test('what comes back says why; what is another’s, or was taken away, is not theirs', async () => {
  const { say, link, driver, agent, assigned, deliveryRows, rows } = await setupTeam();
  await link(DRIVER, driver);
  await link(AGENT, agent);
  await assigned();
  expect((await say(AGENT, 'start 1'))[0]).toMatch(/You have no deliveries|not among your deliveries/);
  await say(DRIVER, 'start 1', tap('work:failed:1'), 'Nobody at home');
  expect(await deliveryRows()).toMatchObject([{ status: 'failed', reason: 'Nobody at home' }]);
  await rows(`UPDATE delivery_tasks SET driver_id = NULL, driver_name = NULL`);
  expect((await say(DRIVER, 'start 1'))[0]).toMatch(/not among your deliveries/);
});

test('a contact that becomes one with another keeps the phone of whoever works from it', async () => {
  const { say, link, agent, receive, rows, phones } = await setupTeam();
  await link('111222333', agent);
  await say(AGENT, 'hi');
  // WhatsApp tells that the two are one person.
  await receive(text('hello'), { phone: AGENT, lid: '111222333' });
  expect(await rows('SELECT phone, lid FROM contacts')).toEqual([{ phone: AGENT, lid: '111222333' }]);
  expect(await phones.get(agent, agent.id)).toMatchObject({ phone: AGENT });
  expect((await say(AGENT, 'help')).at(-1)).toMatch(/^Hello Farai/);
});
