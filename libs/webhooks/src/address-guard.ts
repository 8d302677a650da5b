import { lookup as dnsLookup, type LookupAddress, type LookupAllOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { buildConnector } from 'undici';
import { unfitness } from './webhook-url.js';

/** Why a URL is not called: for where it leads to, or for how it is written. */
export type Refusal = 'address' | 'https' | 'port' | 'credentials' | 'url';

/** Thrown where a call would reach what merchants may not reach through us. The address stays in our logs. */
export class BlockedAddressError extends Error {
  constructor(
    readonly address: string,
    readonly refusal: Refusal = 'address',
  ) {
    super('blocked address');
  }
}

/** `dns.lookup`, asked for all addresses. */
type Resolve = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export interface GuardOptions {
  /** Plain http only to addresses that the operator allows. */
  httpsOnly?: boolean;
  /** Who tells the addresses of a name; the system when left out. */
  resolve?: Resolve;
}

/** All that is routed of IPv6: https://www.iana.org/assignments/ipv6-address-space. `::a.b.c.d` and the like lie outside. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3');

/** Names that are this machine, whatever a name server says: https://www.rfc-editor.org/rfc/rfc6761#section-6.3 */
const THIS_MACHINE = /^(.+\.)?localhost(\.localdomain)?\.?$/i;
const LOOPBACK = ['127.0.0.1', '::1'];

/** Of a URL's host: IPv6 stands in brackets there. */
const bare = (hostname: string): string => hostname.replace(/^\[|\]$/g, '');

/**
 * Decides what webhooks may call: public addresses by https (by http too in development) on ports where such a service may be,
 * and whatever the operator allows.
 */
export class AddressGuard {
  private readonly allowed: [ipaddr.IPv4 | ipaddr.IPv6, number][];
  private readonly httpsOnly: boolean;
  private readonly resolve: Resolve;

  constructor(allowedCidrs: string[], { httpsOnly = false, resolve = dnsLookup }: GuardOptions = {}) {
    this.allowed = allowedCidrs.map((cidr) => ipaddr.parseCIDR(cidr));
    this.httpsOnly = httpsOnly;
    this.resolve = resolve;
  }

  /** Whether `address`, a literal IP, may be called. Mapped and translated forms are judged by what they reach. */
  permits(address: string): boolean {
    if (!ipaddr.isValid(address)) return false;
    const ip = ipaddr.process(address);
    return (ip.range() === 'unicast' && (ip.kind() === 'ipv4' || ip.match(GLOBAL_IPV6))) || this.isAllowed(address);
  }

  /**
   * What can be told of a URL without asking for its name: the names are judged at `lookup`.
   * @throws BlockedAddressError; TypeError for what is no URL.
   */
  check(url: string): URL {
    const parsed = new URL(url);
    const host = bare(parsed.hostname);
    if (!/^https?:$/.test(parsed.protocol)) throw new BlockedAddressError(host, 'url');
    if (parsed.username || parsed.password) throw new BlockedAddressError(host, 'credentials');
    this.checkHost(host, unfitness(parsed, this.httpsOnly));
    return parsed;
  }

  /** Refuses a name when any of its addresses may not be called. */
  readonly lookup: LookupFunction = this.lookupFor(undefined);

  /** Makes connections, and none to where it may not: the one place that everything passes, redirects and changed names too. */
  connector(timeout: number): buildConnector.connector {
    const make = (unfit?: Refusal) => buildConnector({ lookup: this.lookupFor(unfit), timeout });
    const connectors = { fit: make(), https: make('https'), port: make('port') };
    return (options, callback) => {
      const unfit = unfitness(options, this.httpsOnly);
      try {
        // For literal addresses `lookup` is not asked.
        this.checkHost(bare(options.hostname), unfit);
      } catch (error) {
        return callback(error as Error, null);
      }
      connectors[unfit ?? 'fit'](options, (error, socket) => {
        if (error) return callback(error, null);
        const address = socket?.remoteAddress;
        const refusal = address ? this.judge(address, unfit) : 'address';
        if (!refusal) return callback(null, socket);
        socket?.destroy();
        callback(new BlockedAddressError(address ?? 'unknown', refusal), null);
      });
    };
  }

  /**
   * Why a URL may not be called, as far as can be told now: a courtesy at creation, the guard stands at delivery. A name that does
   * not resolve now may do so then.
   */
  async refusalOf(url: string): Promise<Refusal | undefined> {
    try {
      const parsed = this.check(url);
      const host = bare(parsed.hostname);
      if (!ipaddr.isValid(host)) await this.askFor(host, unfitness(parsed, this.httpsOnly));
      return undefined;
    } catch (error) {
      if (error instanceof BlockedAddressError) return error.refusal;
      return error instanceof TypeError ? 'url' : undefined;
    }
  }

  private isAllowed(address: string): boolean {
    const ip = ipaddr.process(address);
    return this.allowed.some(([net, bits]) => ip.kind() === net.kind() && ip.match(net, bits));
  }

  /** @param unfit what speaks against a URL as it is written. An operator who allows an address allows it by any. */
  private judge(address: string, unfit?: Refusal): Refusal | undefined {
    if (!this.permits(address)) return 'address';
    return unfit && !this.isAllowed(address) ? unfit : undefined;
  }

  private checkHost(host: string, unfit?: Refusal): void {
    if (THIS_MACHINE.test(host) && !LOOPBACK.some((address) => this.permits(address))) throw new BlockedAddressError(host);
    const refusal = ipaddr.isValid(host) ? this.judge(host, unfit) : undefined;
    if (refusal) throw new BlockedAddressError(host, refusal);
  }

  private lookupFor(unfit: Refusal | undefined): LookupFunction {
    return (hostname, options, callback) => {
      this.resolve(hostname, { ...options, all: true }, (error, addresses) => {
        if (error) return callback(error, '', 0);
        const blocked =
          addresses.find(({ address }) => !this.permits(address)) ?? addresses.find(({ address }) => this.judge(address, unfit));
        if (blocked) return callback(new BlockedAddressError(blocked.address, this.judge(blocked.address, unfit)), '', 0);
        if (options.all) return (callback as unknown as (e: null, all: LookupAddress[]) => void)(null, addresses);
        callback(null, addresses[0]!.address, addresses[0]!.family);
      });
    };
  }

  private askFor(host: string, unfit?: Refusal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.lookupFor(unfit)(host, { all: true }, (error) => (error ? reject(error) : resolve()));
    });
  }
}
