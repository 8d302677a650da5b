import { createHash, timingSafeEqual } from 'node:crypto';
import { BlockList } from 'node:net';
import type { Settings } from '@soko/config';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

export interface Scrape {
  authorization?: string;
  /** Of the connection, whatever headers say. */
  address?: string;
}

/**
 * Whether somebody may read the metrics: whoever shows METRICS_TOKEN. While there is none, whoever asks from this machine, but not in
 * production: there what comes from this machine may be a proxy that speaks for the world.
 */
export function mayScrape(
  { METRICS_TOKEN, production }: Pick<Settings, 'METRICS_TOKEN' | 'production'>,
  { authorization, address }: Scrape,
): boolean {
  if (METRICS_TOKEN) {
    const shown = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? '';
    return timingSafeEqual(digest(shown), digest(METRICS_TOKEN));
  }
  if (production || !address) return false;
  const bare = address.replace(/^::ffff:(?=\d+\.)/, '');
  return LOOPBACK.check(bare, bare.includes(':') ? 'ipv6' : 'ipv4');
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
