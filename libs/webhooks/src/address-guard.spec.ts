import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { AddressGuard, BlockedAddressError } from './address-guard.js';

/** A label longer than DNS allows: refused by the resolver itself, without a network. */
const UNRESOLVABLE = `${'x'.repeat(64)}.invalid`;
const guard = new AddressGuard([]);
/** As a URL is judged: by the host name that WHATWG's parser makes of it. */
const permitsUrl = (host: string, by = guard): boolean => {
  try {
    by.checkHost(new URL(`https://${host}/hook`).hostname);
    return true;
  } catch (error) {
    if (error instanceof BlockedAddressError) return false;
    throw error;
  }
};
const lookup = (by: AddressGuard, name: string, all: boolean): Promise<unknown> =>
  promisify((done: (error: Error | null, result?: unknown) => void) =>
    by.lookup(name, { all }, (error, ...answer) => done(error, answer)),
  )();

const REFUSED: Record<string, string[]> = {
  'this host and network (0.0.0.0/8)': ['0.0.0.0', '0.0.0.1', '0.255.255.255'],
  loopback: ['127.0.0.1', '127.0.0.2', '127.255.255.255'],
  private: ['10.0.0.0', '10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.255.255'],
  'link-local, where clouds keep their metadata': ['169.254.0.1', '169.254.169.254', '169.254.170.2', '169.254.255.255'],
  'shared by carriers (CGNAT)': ['100.64.0.1', '100.100.100.200', '100.127.255.255'],
  'documentation and tests': ['192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1', '198.19.255.255'],
  reserved: ['192.0.0.1', '192.0.0.170', '192.88.99.1', '240.0.0.1', '254.255.255.255'],
  multicast: ['224.0.0.1', '239.255.255.250'],
  broadcast: ['255.255.255.255'],
  'IPv6 loopback and nothing': ['::1', '::', '0:0:0:0:0:0:0:1'],
  'IPv6 unique local': ['fc00::1', 'fd00::1', 'fd12:3456:789a::1', 'fd00:ec2::254'],
  'IPv6 link-local': ['fe80::1', 'febf::1', 'fe80::1%eth0'],
  'IPv6 site-local and unassigned': ['fec0::1', '4000::1', '8000::1', 'fe00::1'],
  'IPv6 multicast': ['ff02::1', 'ff0e::1'],
  'IPv4 mapped into IPv6': ['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:10.0.0.1', '::ffff:169.254.169.254', '::ffff:a9fe:a9fe'],
  'IPv4 in IPv6, the old ways': ['::127.0.0.1', '::7f00:1', '::10.0.0.1', '::a9fe:a9fe', '::ffff:0:127.0.0.1'],
  NAT64: ['64:ff9b::127.0.0.1', '64:ff9b::7f00:1', '64:ff9b::a9fe:a9fe', '64:ff9b::8.8.8.8', '64:ff9b:1::a00:1'],
  '6to4': ['2002:7f00:1::', '2002:a00:1::1', '2002:c0a8:1::1'],
  Teredo: ['2001::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
  'IPv6 documentation, benchmarks, discard': ['2001:db8::1', '3fff::1', '2001:2::1', '100::1'],
};

/** What people write to get past a check of the text. */
const SPELLINGS = [
  ['2130706433', 'decimal'],
  ['2852039166', 'decimal metadata'],
  ['0', 'zero'],
  ['0177.0.0.1', 'octal'],
  ['017700000001', 'octal, whole'],
  ['0x7f.0.0.1', 'hex'],
  ['0x7f000001', 'hex, whole'],
  ['0x7f.1', 'hex, short'],
  ['0xa9fea9fe', 'hex metadata'],
  ['0xA.0.0.1', 'capital hex'],
  ['127.1', 'short'],
  ['127.0.1', 'less short'],
  ['10.1', 'short private'],
  ['192.168.257', 'overflowing last part'],
  ['127.0.0.1.', 'with the root dot'],
  ['１２７.０.０.１', 'full-width digits'],
  ['①②⑦.0.0.1', 'circled digits'],
  ['127。0。0。1', 'ideographic dots'],
  ['127.0.0.1%2e', 'encoded dot'],
  ['%31%32%37.0.0.1', 'encoded digits'],
  ['user:password@127.0.0.1', 'after credentials'],
  ['1.1.1.1@127.0.0.1', 'after a public decoy'],
  ['127.0.0.1:8443', 'with a port'],
  ['[::1]', 'IPv6 loopback'],
  ['[0:0:0:0:0:0:0:1]', 'IPv6 loopback in full'],
  ['[::ffff:127.0.0.1]', 'mapped'],
  ['[::ffff:7f00:1]', 'mapped, hex'],
  ['[::FFFF:A9FE:A9FE]', 'mapped metadata, capitals'],
  ['[::127.0.0.1]', 'IPv4-compatible'],
  ['[::169.254.169.254]', 'IPv4-compatible metadata'],
  ['[64:ff9b::127.0.0.1]', 'NAT64'],
  ['[2002:7f00:1::]', '6to4'],
  ['[fd00:ec2::254]', 'metadata by IPv6'],
];

const ALLOWED = [
  '1.1.1.1',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.1',
  '169.253.255.255',
  '169.255.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.167.255.255',
  '192.169.0.0',
  '223.255.255.255',
  '2606:4700:4700::1111',
  '2a00:1450:4001:80b::200e',
  '2001:4860:4860::8888',
  '::ffff:8.8.8.8',
];

describe('what merchants may not reach through us', () => {
  it('is a long list', () => {
    expect(new Set([...Object.values(REFUSED).flat(), ...SPELLINGS.map(([host]) => host)]).size).toBeGreaterThanOrEqual(60);
  });

  it.each(Object.entries(REFUSED))('%s', (_, addresses) => {
    expect(addresses.filter((address) => guard.permits(address))).toEqual([]);
    for (const address of addresses.filter((each) => !each.includes('%'))) {
      expect(permitsUrl(address.includes(':') ? `[${address}]` : address)).toBe(false);
    }
  });

  it.each(SPELLINGS)('%s (%s)', (host) => {
    expect(permitsUrl(host)).toBe(false);
  });

  it.each(['', 'example.com', 'localhost', '256.1.1.1', '1.1.1.1/24', ' 1.1.1.1', 'not an address'])(
    '%j, which is no address',
    (text) => {
      expect(guard.permits(text)).toBe(false);
    },
  );

  it('names the address in the error for our log, and not in its message', () => {
    expect(() => guard.checkHost('[::1]')).toThrow(expect.objectContaining({ address: '::1', message: 'blocked address' }));
  });
});

describe('what they may', () => {
  it.each(ALLOWED)('%s', (address) => {
    expect(guard.permits(address)).toBe(true);
    expect(permitsUrl(address.includes(':') ? `[${address}]` : address)).toBe(true);
  });

  it('includes names, which are judged when they are looked up', () => {
    expect(permitsUrl('example.com')).toBe(true);
    expect(permitsUrl('127.0.0.1.nip.io')).toBe(true);
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

  it('works through URLs too', () => {
    expect(permitsUrl('2130706433', own)).toBe(true);
    expect(permitsUrl('[fd00::1]:8080', own)).toBe(true);
    expect(permitsUrl('[::1]', own)).toBe(false);
  });
});

describe('lookup', () => {
  it.each([true, false])('refuses a name that leads to us, asked for all addresses: %s', async (all) => {
    await expect(lookup(guard, 'localhost', all)).rejects.toBeInstanceOf(BlockedAddressError);
  });

  it('refuses a name of which any address is blocked, where others are allowed', async () => {
    const addresses = (
      (await lookup(new AddressGuard(['127.0.0.0/8', '::1/128']), 'localhost', true)) as [{ address: string }[]]
    )[0];
    for (const { address } of addresses) {
      const cidr = address.includes(':') ? `${address}/128` : `${address}/32`;
      const outcome = await lookup(new AddressGuard([cidr]), 'localhost', true).then(
        () => 'allowed',
        (error: Error) => error.message,
      );
      expect(outcome).toBe(addresses.length === 1 ? 'allowed' : 'blocked address');
    }
  });

  it('answers in the shape that a socket asked for, when it is allowed', async () => {
    const open = new AddressGuard(['127.0.0.0/8', '::1/128']);
    expect(await lookup(open, 'localhost', true)).toEqual([
      expect.arrayContaining([{ address: expect.any(String), family: expect.any(Number) }]),
    ]);
    const [address, family] = (await lookup(open, 'localhost', false)) as [string, number];
    expect([`127.0.0.1-4`, `::1-6`]).toContain(`${address}-${family}`);
  });

  it('passes on that a name does not resolve', async () => {
    await expect(lookup(guard, UNRESOLVABLE, true)).rejects.toMatchObject({
      code: 'ENOTFOUND',
    });
  });
});

describe('resolves', () => {
  it.each([
    ['https://127.0.0.1/hook', false],
    ['https://[::1]/hook', false],
    ['https://2130706433/hook', false],
    ['https://localhost/hook', false],
    ['https://8.8.8.8/hook', true],
    ['https://[2606:4700:4700::1111]/hook', true],
  ])('%s: %s', async (url, yes) => {
    expect(await guard.resolves(url)).toBe(yes);
  });

  it('gives a name that does not resolve now the benefit of the doubt: the guard stands at delivery', async () => {
    expect(await guard.resolves(`https://${UNRESOLVABLE}/hook`)).toBe(true);
  });

  it('follows the list of the operator', async () => {
    expect(await new AddressGuard(['127.0.0.0/8', '::1/128']).resolves('http://localhost:3000/hook')).toBe(true);
  });
});
