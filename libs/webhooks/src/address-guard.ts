import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Thrown where a call would reach an address that merchants may not reach through us. The address stays in our logs. */
export class BlockedAddressError extends Error {
  constructor(readonly address: string) {
    super('blocked address');
  }
}

/** All that is routed of IPv6: https://www.iana.org/assignments/ipv6-address-space. `::a.b.c.d` and the like lie outside. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3');

/** Decides which addresses webhooks may call: public ones, and those that the operator allows. */
export class AddressGuard {
  private readonly allowed: [ipaddr.IPv4 | ipaddr.IPv6, number][];

  constructor(allowedCidrs: string[]) {
    this.allowed = allowedCidrs.map((cidr) => ipaddr.parseCIDR(cidr));
  }

  /** Whether `address`, a literal IP, may be called. Mapped and translated forms are judged by what they reach. */
  permits(address: string): boolean {
    if (!ipaddr.isValid(address)) return false;
    const ip = ipaddr.process(address);
    if (ip.range() === 'unicast' && (ip.kind() === 'ipv4' || ip.match(GLOBAL_IPV6))) return true;
    return this.allowed.some(([net, bits]) => ip.kind() === net.kind() && ip.match(net, bits));
  }

  /** @throws BlockedAddressError for a literal address that may not be called. Names are judged at `lookup`. */
  checkHost(hostname: string): void {
    const bare = hostname.replace(/^\[|\]$/g, '');
    if (ipaddr.isValid(bare) && !this.permits(bare)) throw new BlockedAddressError(bare);
  }

  /** A `lookup` for sockets that refuses a name when any of its addresses may not be called. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    dnsLookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error) return callback(error, '', 0);
      const blocked = addresses.find(({ address }) => !this.permits(address));
      if (blocked) return callback(new BlockedAddressError(blocked.address), '', 0);
      if (options.all) return (callback as unknown as (e: null, all: LookupAddress[]) => void)(null, addresses);
      callback(null, addresses[0]!.address, addresses[0]!.family);
    });
  };

  /** Whether a URL may be called as far as can be told now: a courtesy at creation, the guard stands at delivery. */
  async resolves(url: string): Promise<boolean> {
    const { hostname } = new URL(url);
    try {
      this.checkHost(hostname);
    } catch {
      return false;
    }
    if (ipaddr.isValid(hostname.replace(/^\[|\]$/g, ''))) return true;
    return new Promise((resolve) => {
      this.lookup(hostname, { all: true }, (error) => resolve(!(error instanceof BlockedAddressError)));
    });
  }
}
