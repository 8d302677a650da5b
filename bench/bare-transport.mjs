// @ts-check
// The bare baseline of bench/messages.mjs: a loop that does nothing but hand messages to one transport. No tenant, no order, no record.
import { randomUUID } from 'node:crypto';
import { Pool as PgPool } from 'pg';
import { caller, spread } from './support.mjs';

const [kind = '', total = '0'] = process.argv.slice(2);
const MESSAGES = Number(total);
const AT_ONCE = 16;
const CHATS = 50;

const loops = { simulator, cloud, baileys };
const rate = await loops[/** @type {keyof typeof loops} */ (kind)]();
process.send?.(rate, () => process.exit(0));

/** @param {(n: number) => Promise<unknown>} send @returns {Promise<number>} */
async function timed(send) {
  await spread(CHATS, 8, send);
  const begin = performance.now();
  await spread(MESSAGES, AT_ONCE, send);
  return (MESSAGES * 1_000) / (performance.now() - begin);
}

/** What the simulated transport does for each message, on plain connections. */
async function simulator() {
  const pool = new PgPool({ connectionString: process.env.DATABASE_URL, max: AT_ONCE });
  const { rows } = await pool.query(`SELECT merchant_id, id FROM channels WHERE kind = 'simulator' LIMIT 1`);
  const { merchant_id, id } = rows[0];
  return timed((n) =>
    pool.query({
      name: 'bare',
      text: `INSERT INTO simulator_messages (merchant_id, channel_id, wa_message_id, phone, content, text) VALUES ($1, $2, $3, $4, $5, $6)`,
      values: [merchant_id, id, `bare.${randomUUID()}`, `+2637750${n % CHATS}`, '{"type":"text","text":{"body":"bare"}}', 'bare'],
    }),
  );
}

/** One POST to the Graph API for each message. */
async function cloud() {
  const api = caller(String(process.env.WHATSAPP_CLOUD_BASE_URL));
  const { phoneNumberId, accessToken } = await api('POST', '/_mock/numbers', {});
  await api('PATCH', `/_mock/numbers/${phoneNumberId}`, { statuses: 'none' });
  const graph = caller(String(process.env.WHATSAPP_CLOUD_BASE_URL), accessToken);
  return timed((n) =>
    graph('POST', `/v26.0/${phoneNumberId}/messages`, {
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      to: `26377500${n % CHATS}00`,
      type: 'text',
      text: { body: 'bare' },
    }),
  );
}

/** Baileys as it comes, with its keys in memory; a message counts when the server has acknowledged it. */
async function baileys() {
  const lib = await import('@whiskeysockets/baileys');
  for (const name of /** @type {const} */ (['info', 'log', 'warn', 'error'])) console[name] = () => undefined;
  lib.WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(String(process.env.WHATSAPP_WEB_NOISE_ROOT), 'base64');
  const phones = caller(String(process.env.WHATSAPP_WEB_URL).replace(/^ws(.*)\/ws\/chat$/, 'http$1'));
  const creds = lib.initAuthCreds();
  /** @type {Map<string, any>} */
  const kept = new Map();
  const keys = {
    /** @param {string} type @param {string[]} ids */
    get: (type, ids) =>
      Object.fromEntries(ids.filter((id) => kept.has(`${type} ${id}`)).map((id) => [id, kept.get(`${type} ${id}`)])),
    /** @param {Record<string, Record<string, any>>} data */
    set: (data) => {
      for (const [type, entries] of Object.entries(data))
        for (const [id, value] of Object.entries(entries)) {
          if (value === null) kept.delete(`${type} ${id}`);
          else kept.set(`${type} ${id}`, value);
        }
    },
  };
  const quiet = /** @type {any} */ ({ level: 'silent' });
  for (const name of ['trace', 'debug', 'info', 'warn', 'error']) quiet[name] = () => undefined;
  quiet.child = () => quiet;
  /** @type {Map<string, () => void>} */
  const acks = new Map();
  const connect = () =>
    new Promise((resolve) => {
      const sock = lib.makeWASocket({
        waWebSocketUrl: String(process.env.WHATSAPP_WEB_URL),
        logger: quiet,
        auth: { creds, keys },
        shouldSyncHistoryMessage: () => false,
      });
      sock.ev.on('creds.update', (update) => void Object.assign(creds, update));
      sock.ws.on('CB:ack,class:message', (/** @type {any} */ { attrs }) => acks.get(attrs.id)?.());
      sock.ev.on('connection.update', ({ connection, qr }) => {
        if (qr) void phones('POST', '/phones/+263770000002/scan', { qr });
        if (connection === 'close') resolve(connect());
        if (connection === 'open') resolve(sock);
      });
    });
  const sock = /** @type {import('@whiskeysockets/baileys').WASocket} */ (await connect());
  return timed(async (n) => {
    const id = lib.generateMessageIDV2();
    const acked = new Promise((resolve) => acks.set(id, () => resolve(undefined)));
    await sock.relayMessage(`26377500${n % CHATS}00@s.whatsapp.net`, { conversation: 'bare' }, { messageId: id });
    await acked;
    acks.delete(id);
  });
}
