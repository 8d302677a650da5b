import { newId } from '@soko/common';
import { type EventDef, numberClaimed, type NumberData, numberProven } from '@soko/contracts';
import { MerchantService } from '@soko/identity';
import { type ContactAddress, MessageStore, NumberProofService } from '@soko/messaging';
import { expect, test } from 'vitest';
import { PHONE, setupBot, text } from './bot.fixture.js';
import { NumberProofReactions } from './number-proof.reactions.js';

const HIDDEN: ContactAddress = { lid: '111222333' };

/** A customer who wrote from a number, and somebody whose number is hidden. */
async function setup() {
  const bot = await setupBot();
  const { module, merchantId, tenancy, rows, receive, answerIn } = bot;
  const reactions = new NumberProofReactions(
    module.get(NumberProofService),
    module.get(MerchantService),
    module.get(MessageStore),
  );
  const chats = () =>
    rows<{ id: string; phone: string | null; lid: string | null }>(
      'SELECT h.id, c.phone, c.lid FROM chats h JOIN contacts c ON c.merchant_id = h.merchant_id AND c.id = h.contact_id ORDER BY c.id',
    );
  /** What was emitted of a type, done by what reacts to it. */
  const react = async (event: EventDef<NumberData>, work: 'sendCode' | 'settle') => {
    const events = await rows<{ data: NumberData }>(`SELECT data FROM events WHERE type = '${event.type}' ORDER BY id`);
    for (const { data } of events.slice(-1))
      await tenancy.run(merchantId, (tx) =>
        reactions[work](tx, { id: newId(), type: event.type, timestamp: new Date().toISOString(), merchantId, data }),
      );
    return events.length;
  };
  const heard = async (chatId: string) =>
    (
      await rows<{ text: string }>(
        `SELECT text FROM messages WHERE direction = 'outbound' AND chat_id = '${chatId}' ORDER BY seq`,
      )
    ).map((row) => row.text);
  const say = async (from: ContactAddress, body: string) => {
    await receive(text(body), from);
    const { id } = (await chats()).find(({ phone, lid }) => (from.phone ? phone === from.phone : lid === from.lid))!;
    await answerIn(id);
    return (await heard(id)).at(-1)!;
  };
  await say({ phone: PHONE }, 'hi');
  return {
    ...bot,
    chats,
    say,
    claimed: () => react(numberClaimed, 'sendCode'),
    proven: () => react(numberProven, 'settle'),
    /** The code that the number's chat was sent last. */
    codeSent: async () => {
      const { id } = (await chats()).find(({ phone }) => phone === PHONE)!;
      return (await heard(id)).map((each) => /write this code there: (\d{6})/.exec(each)?.[1]).findLast(Boolean);
    },
  };
}

test('a number is proven by a code that its own chat was sent; from then on the two are one', async () => {
  const { say, claimed, proven, codeSent, chats, rows, merchantId } = await setup();
  expect(await say(HIDDEN, 'my number')).toMatch(/^Write it with its country code/);
  expect(await say(HIDDEN, `my number ${PHONE}`)).toMatch(/^If you have written to us from \+263771000001/);
  await claimed();
  const code = (await codeSent())!;
  await rows(`WITH u AS (INSERT INTO users (merchant_id, email, name, role) VALUES ('${merchantId}', 'o@example.com', 'O', 'owner') RETURNING id)
    INSERT INTO staff_phones (merchant_id, user_id, contact_id) SELECT '${merchantId}', u.id, c.id FROM u, contacts c WHERE c.phone = '${PHONE}'`);
  const wrong = code === '000000' ? '111111' : '000000';
  expect(await say(HIDDEN, wrong)).toMatch(/not the code\. 4 tries left/);
  expect(await chats()).toHaveLength(2);
  expect(await say(HIDDEN, code)).toMatch(/^Thank you! I know you by your number/);
  await proven();
  expect(await chats()).toMatchObject([{ phone: PHONE, lid: '111222333' }]);
  expect(await rows('SELECT 1 FROM number_proofs')).toEqual([]);
  // Whoever worked from there links the phone anew: a colleague could have read the code.
  expect(await rows('SELECT 1 FROM staff_phones')).toEqual([]);
  // Twice is once.
  await proven();
  expect(await chats()).toHaveLength(1);
  expect(await say({ phone: PHONE }, 'my number +263779999999')).toMatch(/^I know you by your number already: \+263771000001/);
});

test('a number that nobody wrote from within a day is sent nothing, and nothing tells so', async () => {
  const { say, claimed, codeSent, rows } = await setup();
  const asked = await say(HIDDEN, 'my number +263779999999');
  await claimed();
  await rows(`UPDATE chats SET last_inbound_at = now() - interval '25 hours'`);
  expect(asked.replace('+263779999999', PHONE)).toBe(await say(HIDDEN, `my number ${PHONE}`));
  await rows(`UPDATE chats SET last_inbound_at = now() - interval '25 hours'`);
  await claimed();
  expect(await codeSent()).toBeUndefined();
  expect(await say(HIDDEN, '123456')).toMatch(/^Sorry, I found nothing|^Welcome to Shop!|did not understand/);
});

test('codes are void after five wrong tries and after ten minutes, and no number is flooded with them', async () => {
  const { say, claimed, codeSent, rows, chats } = await setup();
  await say(HIDDEN, `my number ${PHONE}`);
  await claimed();
  const code = (await codeSent())!;
  const wrong = code === '000000' ? '111111' : '000000';
  for (let n = 0; n < 4; n += 1) await say(HIDDEN, wrong);
  expect(await say(HIDDEN, wrong)).toMatch(/void now/);
  expect(await say(HIDDEN, code)).not.toMatch(/Thank you/);
  await say(HIDDEN, `my number ${PHONE}`);
  await claimed();
  await rows(`UPDATE number_proofs SET expires_at = now() - interval '1 second'`);
  expect(await say(HIDDEN, (await codeSent())!)).not.toMatch(/Thank you/);
  await say(HIDDEN, `my number ${PHONE}`);
  await say(HIDDEN, `my number ${PHONE}`);
  expect(await claimed()).toBe(3);
  expect(await chats()).toHaveLength(2);
});

test('two accounts of WhatsApp stay two; what was proven is where to call', async () => {
  const { say, receive, claimed, proven, codeSent, rows } = await setup();
  await receive(text('hi'), { phone: PHONE, lid: '999' });
  await say(HIDDEN, `my number ${PHONE}`);
  await claimed();
  await say(HIDDEN, (await codeSent())!);
  await proven();
  expect(await rows('SELECT phone, lid, given_phone FROM contacts ORDER BY id')).toEqual([
    { phone: PHONE, lid: '999', given_phone: null },
    { phone: null, lid: '111222333', given_phone: PHONE },
  ]);
});
