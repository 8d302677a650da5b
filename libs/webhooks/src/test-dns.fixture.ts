import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { callbackify } from 'node:util';
import { decode, encode } from 'dns-packet';
import type { GuardOptions } from './address-guard.js';

/** What a name leads to when it is asked for the `nth` time, from 1 on: addresses of both families, or `=other.name`. */
export type Zone = Record<string, (nth: number) => string[]>;

/** A name server on loopback that answers from `zone`, and says to all else that it does not exist. */
export async function startDns(zone: Zone) {
  const asked: string[] = [];
  const times = new Map<string, number>();
  const socket = createSocket('udp4');
  const answersTo = (name: string, type: string): { name: string; type: 'A' | 'AAAA' | 'CNAME'; ttl: number; data: string }[] => {
    const key = `${name} ${type}`;
    times.set(key, (times.get(key) ?? 0) + 1);
    return (zone[name]?.(times.get(key)!) ?? []).flatMap((data) => {
      if (data.startsWith('=')) {
        return [{ name, type: 'CNAME' as const, ttl: 0, data: data.slice(1) }, ...answersTo(data.slice(1), type)];
      }
      const own = data.includes(':') ? ('AAAA' as const) : ('A' as const);
      return own === type ? [{ name, type: own, ttl: 0, data }] : [];
    });
  };
  socket.on('message', (message, { port, address }) => {
    const { id, questions } = decode(message);
    const [question] = questions!;
    const { name, type } = question!;
    const lower = name.toLowerCase();
    asked.push(`${lower} ${type}`);
    // Authoritative; 3 is NXDOMAIN.
    const flags = lower in zone ? 0x0400 : 0x0403;
    socket.send(encode({ type: 'response', id, flags, questions, answers: answersTo(lower, type) }), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const resolver = new Resolver({ tries: 1, timeout: 2_000 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);

  const addressesOf = async (name: string) => {
    const [four, six] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    return [
      ...(four.status === 'fulfilled' ? four.value : []).map((address) => ({ address, family: 4 })),
      ...(six.status === 'fulfilled' ? six.value : []).map((address) => ({ address, family: 6 })),
    ];
  };
  const lookup = callbackify(addressesOf);
  const resolve: NonNullable<GuardOptions['resolve']> = (hostname, _options, callback) =>
    lookup(hostname, (_, addresses) => {
      if (addresses.length > 0) callback(null, addresses);
      else callback(Object.assign(new Error(`no address of ${hostname}`), { code: 'ENOTFOUND' }), []);
    });
  return { resolve, asked, close: () => new Promise<void>((done) => socket.close(done)) };
}
