import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { AddressGuard, BlockedAddressError } from './address-guard.js';
import {
  ADDRESSES,
  ALL_GOOD_URLS,
  BAD_URLS,
  GOOD_ADDRESSES,
  GOOD_NAMES,
  LOCAL_NAMES,
  NAMES,
  ODD_GOOD_URLS,
  SPELLINGS,
  URLS,
} from './address-corpus.fixture.js';
import { startDns } from './test-dns.fixture.js';

const guard = new AddressGuard([]);
const lookup = (by: AddressGuard, name: string, all: boolean): Promise<unknown> =>
  promisify((done: (error: Error | null, result?: unknown) => void) =>
    by.lookup(name, { all }, (error, ...answer) => done(error, answer)),
  )();

let dns: Awaited<ReturnType<typeof startDns>>;
/** Of a partner who changes what their name leads to after the first question. */
const REBINDING = { 'rebind.test': (nth: number) => (nth === 1 ? ['93.184.215.14'] : ['127.0.0.1']) };
beforeAll(async () => {
  dns = await startDns({ ...NAMES, ...GOOD_NAMES, ...REBINDING });
  return dns.close;
});
const asking = (allowed: string[] = [], httpsOnly = false) => new AddressGuard(allowed, { resolve: dns.resolve, httpsOnly });

describe('what merchants may not reach through us', () => {
  it('is a long list, and what they may is not so short either', () => {
    expect(new Set(BAD_URLS).size).toBeGreaterThanOrEqual(190);
    expect(new Set(ALL_GOOD_URLS).size).toBeGreaterThanOrEqual(30);
  });

  it.each(BAD_URLS)('%s', async (url) => {
    expect(await asking().refusalOf(url)).toBeDefined();
  });

  it.each(Object.entries(ADDRESSES))('%s, as a literal', async (_, addresses) => {
    expect(addresses.filter((address) => guard.permits(address))).toEqual([]);
    for (const address of addresses) {
      expect(await guard.refusalOf(`https://${address.includes(':') ? `[${address}]` : address}/hook`)).toBe('address');
    }
  });

  it.each(SPELLINGS)('%s (%s), without asking a name server', async (host) => {
    const before = dns.asked.length;
    expect(() => asking().check(`https://${host}/hook`)).toThrow(BlockedAddressError);
    expect(await asking().refusalOf(`https://${host}/hook`)).toBe('address');
    expect(dns.asked).toHaveLength(before);
  });

  it.each(LOCAL_NAMES)('%s, without asking a name server', async (host) => {
    const before = dns.asked.length;
    expect(await asking().refusalOf(`https://${host}/hook`)).toBe('address');
    expect(dns.asked).toHaveLength(before);
  });

  it.each(URLS)('%s: %s', async (url, refusal) => {
    expect(await asking().refusalOf(url)).toBe(refusal);
  });

  it.each(Object.keys(NAMES))('%s, by its addresses', async (name) => {
    expect(await asking().refusalOf(`https://${name}/hook`)).toBe('address');
    for (const all of [true, false]) await expect(lookup(asking(), name, all)).rejects.toBeInstanceOf(BlockedAddressError);
  });

  it('a name that is public when the subscription is made, and leads to us later', async () => {
    expect(await asking().refusalOf('https://rebind.test/')).toBeUndefined();
    await expect(lookup(asking(), 'rebind.test', true)).rejects.toMatchObject({ address: '127.0.0.1' });
  });

  it.each(['', 'example.com', 'localhost', '256.1.1.1', '1.1.1.1/24', ' 1.1.1.1', 'not an address', 'fe80::1%eth0'])(
    '%j, which is no address that one may call',
    (text) => {
      expect(guard.permits(text)).toBe(false);
    },
  );

  it('stands in the error for our log, and not in its message', () => {
    expect(() => guard.check('https://[::1]/')).toThrow(expect.objectContaining({ address: '::1', message: 'blocked address' }));
  });
});

describe('what they may', () => {
  it.each([...ALL_GOOD_URLS, ...ODD_GOOD_URLS])('%s', async (url) => {
    expect(await asking().refusalOf(url)).toBeUndefined();
  });

  it.each(GOOD_ADDRESSES)('%s', (address) => {
    expect(guard.permits(address)).toBe(true);
  });

  it('includes a name that does not resolve now: the guard stands at delivery', async () => {
    expect(await asking().refusalOf('https://not-yet.test/hook')).toBeUndefined();
    await expect(lookup(asking(), 'not-yet.test', true)).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  it('is told to a socket in the shape that it asked for', async () => {
    expect(await lookup(asking(), 'both.test', true)).toEqual([
      [
        { address: '93.184.215.14', family: 4 },
        { address: '2606:4700:4700::1111', family: 6 },
      ],
    ]);
    expect(await lookup(asking(), 'public.test', false)).toEqual(['93.184.215.14', 4]);
  });
});

describe('where only https goes', () => {
  it.each(['http://8.8.8.8/', 'http://8.8.8.8:443/', 'http://[2606:4700:4700::1111]/', 'http://public.test/'])(
    '%s is refused',
    async (url) => {
      expect(await asking([], true).refusalOf(url)).toBe('https');
    },
  );

  it.each(ALL_GOOD_URLS.filter((url) => url.startsWith('https:')))('%s is not', async (url) => {
    expect(await asking([], true).refusalOf(url)).toBeUndefined();
  });

  it.each(BAD_URLS)('%s is not allowed by that', async (url) => {
    expect(await asking([], true).refusalOf(url)).toBeDefined();
  });

  it('what leads to us is refused for that, whatever else is wrong', async () => {
    for (const url of ['http://127.0.0.1/', 'http://private.test:22/', 'http://mixed.test/'])
      expect(await asking([], true).refusalOf(url)).toBe('address');
  });

  it('what the operator allows may be called by http all the same, if all that the name leads to is', async () => {
    const own = asking(['10.0.0.0/8'], true);
    expect(await own.refusalOf('http://10.1.2.3/')).toBeUndefined();
    expect(await own.refusalOf('http://private.test/')).toBeUndefined();
    expect(await own.refusalOf('http://mixed-last.test/')).toBe('https');
    expect(await own.refusalOf('http://8.8.8.8/')).toBe('https');
  });
});

describe("the operator's list", () => {
  const own = new AddressGuard(['127.0.0.0/8', '10.20.0.0/16', 'fd00::/8']);

  it.each(['127.0.0.1', '10.20.30.40', 'fd00::1', '::ffff:10.20.0.1', '8.8.8.8'])('opens %s', (address) => {
    expect(own.permits(address)).toBe(true);
  });

  it.each(['10.21.0.1', '192.168.0.1', '::1', 'fc00::1', '169.254.169.254', '::ffff:10.21.0.1'])(
    'does not open %s',
    (address) => {
      expect(own.permits(address)).toBe(false);
    },
  );

  it('works through URLs and names, by every port', async () => {
    for (const url of ['https://2130706433/', 'http://[fd00::1]:9/', 'http://127.0.0.1:5432/', 'http://localhost:3000/hook'])
      expect(await own.refusalOf(url), url).toBeUndefined();
    expect(await own.refusalOf('https://[::1]/')).toBe('address');
    expect(await asking(['10.0.0.0/8']).refusalOf('http://private.test:22/')).toBeUndefined();
    expect(await asking(['10.0.0.0/8']).refusalOf('http://router.test/')).toBe('address');
  });

  it('does not allow credentials', async () => {
    expect(await own.refusalOf('http://user:password@127.0.0.1/')).toBe('credentials');
  });

  it('does not open a name of which another address is blocked', async () => {
    expect(await asking(['127.0.0.0/8']).refusalOf('https://mixed.test/')).toBeUndefined();
    expect(await asking(['10.0.0.0/16']).refusalOf('https://mixed.test/')).toBe('address');
  });
});
