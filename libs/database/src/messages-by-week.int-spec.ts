import { newId } from '@soko/common';
import { withOldDatabase } from '@soko/testing';
import type { Client } from 'pg';
import { v7 } from 'uuid';
import { expect, test } from 'vitest';

const LAST_OLD = '20261125T0000';
const [merchant, channel, contact, chat, other] = Array.from({ length: 5 }, newId);
const weeksAgo = (weeks: number) => v7({ msecs: Date.now() - weeks * 7 * 24 * 3_600_000 });
const IDS = {
  old: weeksAgo(60),
  inbound: weeksAgo(3),
  sent: weeksAgo(2),
  failed: weeksAgo(1),
  waiting: weeksAgo(0),
  later: weeksAgo(0),
};

/** What a merchant of the first version has. */
async function fill(client: Client): Promise<void> {
  await client.query(
    `INSERT INTO merchants (id, name, currency, timezone, locale) VALUES ('${merchant}', 'Shop', 'USD', 'UTC', 'en')`,
  );
  await client.query(
    `INSERT INTO channels (merchant_id, id, name, kind, shard) VALUES ('${merchant}', '${channel}', 'c', 'simulator', 0)`,
  );
  await client.query(
    `INSERT INTO contacts (merchant_id, id, phone) VALUES ('${merchant}', '${contact}', '+263771000001'), ('${merchant}', '${other}', '+263771000002')`,
  );
  await client.query(
    `INSERT INTO chats (merchant_id, id, channel_id, contact_id, last_seq, last_message_id)
     VALUES ('${merchant}', '${chat}', '${channel}', '${contact}', 6, '${IDS.later}'), ('${merchant}', '${other}', '${channel}', '${other}', 0, NULL)`,
  );
  const messages = [
    [IDS.old, 1, 'outbound', 'failed'],
    [IDS.inbound, 2, 'inbound', 'read'],
    [IDS.sent, 3, 'outbound', 'delivered'],
    [IDS.failed, 4, 'inbound', 'received'],
    [IDS.waiting, 5, 'outbound', 'sending'],
    [IDS.later, 6, 'outbound', 'queued'],
  ] as const;
  for (const [id, seq, direction, status] of messages) {
    await client.query(
      `INSERT INTO messages (merchant_id, id, chat_id, channel_id, seq, direction, type, content, text, status, timeline, error, wa_message_id, reply_to, created_at)
       VALUES ($1, $2::uuid, $3, $4, $5::int, $6, 'text', '{"type": "text"}', 't' || $5::int, $7, '[{"status": "x"}]', '{"code": "e"}', 'wamid.' || $5::int, $8, uuid_extract_timestamp($2::uuid))`,
      [merchant, id, chat, channel, seq, direction, status, IDS.old],
    );
  }
  await client.query(
    `INSERT INTO pending_sends (merchant_id, chat_id, seq, message_id, channel_id, shard, attempts, due_at) VALUES
       ('${merchant}', '${chat}', 5, '${IDS.waiting}', '${channel}', 0, 2, now() + interval '1 minute'),
       ('${merchant}', '${chat}', 6, '${IDS.later}', '${channel}', 0, 0, '2036-01-01T00:00:00Z')`,
  );
  await client.query(
    `INSERT INTO pending_answers (merchant_id, chat_id, seq, message_id) VALUES ('${merchant}', '${chat}', 4, '${IDS.failed}')`,
  );
}

test('a database of the first version keeps all that it has, each message in its week', async () => {
  await withOldDatabase(LAST_OLD, async (client, update) => {
    await fill(client);
    const columns = `id, chat_id, channel_id, seq, direction, type, content, text, status, timeline, error, wa_message_id, reply_to, created_at`;
    const all = async () => (await client.query(`SELECT ${columns} FROM messages ORDER BY seq`)).rows;
    const before = await all();
    expect(before).toHaveLength(6);
    await update();
    expect(await all()).toEqual(before);
    const { rows: places } = await client.query<{ place: string; week: string }>(
      `SELECT tableoid::regclass::text AS place, to_char(created_at AT TIME ZONE 'UTC', '"messages_"IYYY"w"IW') AS week FROM messages`,
    );
    for (const { place, week } of places) expect(place).toBe(week);
    expect(new Set(places.map(({ place }) => place)).size).toBe(5);
    const { rows: chats } = await client.query(
      'SELECT id, last_inbound_at, last_inbound_wa_id, begun_by FROM chats ORDER BY last_seq',
    );
    expect(chats).toEqual([
      { id: other, last_inbound_at: null, last_inbound_wa_id: null, begun_by: null },
      { id: chat, last_inbound_at: before[3].created_at, last_inbound_wa_id: 'wamid.4', begun_by: IDS.sent },
    ]);
    const { rows: pending } = await client.query(
      `SELECT p.message_id, p.scheduled_for, m.scheduled_for AS shown FROM pending_sends p JOIN messages m ON m.id = p.message_id ORDER BY p.seq`,
    );
    const later = new Date('2036-01-01T00:00:00Z');
    expect(pending).toEqual([
      { message_id: IDS.waiting, scheduled_for: null, shown: null },
      { message_id: IDS.later, scheduled_for: later, shown: later },
    ]);
    const { rows: answers } = await client.query('SELECT message_id FROM pending_answers');
    expect(answers).toEqual([{ message_id: IDS.failed }]);
    const { rows: states } = await client.query('SELECT channel_id FROM channel_states');
    expect(states).toEqual([{ channel_id: channel }]);
    // Still nobody deletes a message that waits, or makes a pending row for none.
    await expect(client.query(`DELETE FROM messages WHERE id = '${IDS.waiting}'`)).rejects.toThrow(/pending_sends/);
    const { rows: unforced } = await client.query(
      `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relrowsecurity AND NOT relforcerowsecurity`,
    );
    expect(unforced).toEqual([]);
  });
});
