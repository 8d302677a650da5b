import { newId, workContext } from '@soko/common';
import type { InboundContent } from '@soko/contracts';
import { DeliveryService } from '@soko/deliveries';
import { type Caller, StaffPhoneService } from '@soko/identity';
import type { ContactAddress } from '@soko/messaging';
import { OrderService } from '@soko/orders';
import { setupBot, text } from './bot.fixture.js';

/* A shop and the phones of its people on a real database, for tests. */

export const [CUSTOMER, OWNER, AGENT, DRIVER] = ['+263771000001', '+263771000002', '+263771000003', '+263771000004'] as const;

/** A shop with an owner, an agent and a driver, whose phones nobody knows yet. */
export async function setupTeam() {
  const bot = await setupBot();
  const { module, merchantId, rows, receive, answerIn, product, tenancy } = bot;
  const phones = module.get(StaffPhoneService);
  const hire = async (name: string, role: string) => {
    const id = newId();
    await rows(
      `INSERT INTO users (merchant_id, id, email, name, role) VALUES ('${merchantId}', '${id}', '${id}@example.com', '${name}', '${role}')`,
    );
    return { id, merchantId, role, kind: 'user' } as Caller;
  };
  const chatOf = async (phone: string) =>
    (
      await rows<{ id: string }>(
        `SELECT h.id FROM chats h JOIN contacts c ON c.merchant_id = h.merchant_id AND c.id = h.contact_id WHERE '${phone}' IN (c.phone, c.lid)`,
      )
    )[0]!.id;
  const heard = async (phone: string) =>
    (
      await rows<{ text: string }>(
        `SELECT text FROM messages WHERE direction = 'outbound' AND chat_id = '${await chatOf(phone)}' ORDER BY seq`,
      )
    ).map((row) => row.text);
  /** Says things one after the other, each answered. @returns all that the phone has received meanwhile. */
  const say = async (from: string, ...said: (string | InboundContent)[]) => {
    const address: ContactAddress = from.startsWith('+') ? { phone: from } : { lid: from };
    const before =
      (await rows(`SELECT 1 FROM contacts WHERE '${from}' IN (phone, lid)`)).length > 0 ? (await heard(from)).length : 0;
    for (const each of said) {
      await receive(typeof each === 'string' ? text(each) : each, address);
      await workContext.run({ requestId: newId() }, async () => answerIn(await chatOf(from)));
    }
    return (await heard(from)).slice(before);
  };
  const [owner, agent, driver] = [await hire('Tariro', 'owner'), await hire('Farai', 'agent'), await hire('Tapiwa', 'driver')];
  const orders = module.get(OrderService);
  return {
    ...bot,
    phones,
    owner,
    agent,
    driver,
    say,
    heard,
    chatOf,
    orders,
    link: async (from: string, who: Caller) => say(from, (await phones.makeCode(who)).text),
    /** An order of two units; its number is the next. */
    place: () =>
      orders.placeFor(
        merchantId,
        {
          customer: { phone: CUSTOMER, name: 'Rudo' },
          items: [{ productId: product.id, quantity: 2 }],
          delivery: { address: 'Street 1' },
        },
        owner.id,
      ),
    /** An order that the driver is to bring. */
    assigned: async () => {
      const deliveries = module.get(DeliveryService);
      const { id, number } = await orders.placeFor(
        merchantId,
        { customer: { phone: CUSTOMER, name: 'Rudo' }, items: [{ productId: product.id, quantity: 2 }] },
        owner.id,
      );
      const { delivery } = await orders.act(merchantId, id, 'confirm', owner.id);
      await deliveries.assign(merchantId, delivery!.id, owner, { driverId: driver.id });
      return { number, code: async () => (await tenancy.run(merchantId, (tx) => deliveries.wordsFor(tx, id)))!.code };
    },
    deliveryRows: () =>
      rows<{ status: string }>('SELECT status, proof, photo_id, reason, wrong_codes, latitude FROM delivery_tasks'),
  };
}
