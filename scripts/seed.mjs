// @ts-check
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writePrivateJson } from './launcher/data-dir.mjs';

export const DEMO = { email: 'demo@soko.local', password: 'soko-demo-2026' };
/** Of the platform's own team. */
export const DEMO_OPS = { email: 'ops@soko.local', password: 'soko-ops-2026' };

const CHANNEL = { name: 'Demo phone', kind: 'simulator', phone: '+263771000000' };

/** @param {string} sku @param {string} name @param {string} description @param {number} cents @param {string} category @param {number} stock */
const product = (sku, name, description, cents, category, stock) => ({
  sku,
  name,
  description,
  price: { amount: cents, currency: 'USD' },
  category,
  stock,
  active: true,
});

const PRODUCTS = [
  product('MEAL-10', 'Maize meal 10 kg', 'Fine white roller meal, milled this week.', 650, 'Pantry', 80),
  product('RICE-5', 'Long grain rice 5 kg', 'Parboiled, cooks loose.', 720, 'Pantry', 60),
  product('OIL-2', 'Sunflower oil 2 L', 'Refined, for frying and baking.', 410, 'Pantry', 90),
  product('TEA-100', 'Tanganda tea, 100 bags', 'Strong black tea from the Eastern Highlands.', 275, 'Drinks', 120),
  product('SOAP-6', 'Laundry soap, 6 bars', 'Green bar soap, 6 x 250 g.', 390, 'Household', 45),
  product('LAMP-S', 'Solar lantern', 'Six hours of light from a day of sun; charges a phone.', 1800, 'Household', 15),
];

/** @param {string} url @param {string | undefined} token @param {AbortSignal | undefined} signal */
function client(url, token, signal) {
  /** @param {'GET' | 'POST'} method @param {string} path @param {unknown} [body] @returns {Promise<{ status: number, body: any }>} */
  return async (method, path, body) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(body ? { 'content-type': 'application/json' } : {}),
        ...(token ? { authorization: `Bearer ${token}` } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.any([AbortSignal.timeout(15_000), ...(signal ? [signal] : [])]),
    });
    const text = await response.text();
    /** @type {any} */
    let parsed;
    try {
      parsed = text ? JSON.parse(text) : undefined;
    } catch {
      parsed = undefined;
    }
    // A session that has ended and an account that is there are answers; anything else means that the seed and the API disagree.
    if (response.ok || response.status === 401 || response.status === 409) return { status: response.status, body: parsed };
    throw new Error(`${method} ${path} answered ${response.status} ${text.slice(0, 300)}`);
  };
}

/**
 * Signs the demo owner in. The session of the last time is used as long as it lasts: signing in too often is refused, and a
 * developer starts more often than that. @param {string} url @param {string} dataDir @param {AbortSignal | undefined} signal
 * @returns {Promise<{ accessToken: string, isNew: boolean }>}
 */
async function signIn(url, dataDir, signal) {
  const file = join(dataDir, 'demo-session.json');
  const kept = await readFile(file, 'utf8').then(
    (text) => JSON.parse(text).accessToken,
    () => undefined,
  );
  if (typeof kept === 'string' && (await client(url, kept, signal)('GET', '/api/auth/me')).status === 200)
    return { accessToken: kept, isNew: false };
  const anonymous = client(url, undefined, signal);
  const account = { ...DEMO, name: 'Demo Owner', merchant: { name: 'Demo Store', currency: 'USD' } };
  let session = await anonymous('POST', '/api/auth/register', account);
  const isNew = session.status !== 409;
  if (!isNew) session = await anonymous('POST', '/api/auth/login', DEMO);
  const accessToken = session.body?.accessToken;
  if (typeof accessToken !== 'string') throw new Error('logging in as the demo account gave no accessToken');
  await writePrivateJson(file, { accessToken });
  return { accessToken, isNew };
}

/**
 * Fills an empty store with what a newcomer needs, through the public API as any client would. Running it again changes nothing.
 * @param {string} url base URL of the api
 * @param {string} dataDir where the demo owner's session is kept
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ created: string[], accessToken: string }>}
 */
export async function seedDemo(url, dataDir, signal) {
  /** @type {string[]} */
  const created = [];
  const { accessToken, isNew } = await signIn(url, dataDir, signal);
  if (isNew) created.push('account');
  const api = client(url, accessToken, signal);
  const [channels, products] = await Promise.all([api('GET', '/api/channels'), api('GET', '/api/products')]);
  if (channels.body?.data?.length === 0) {
    await api('POST', '/api/channels', CHANNEL);
    created.push('channel');
  }
  if (products.body?.data?.length === 0) {
    for (const each of PRODUCTS) await api('POST', '/api/products', each);
    created.push('products');
  }
  return { created, accessToken };
}
