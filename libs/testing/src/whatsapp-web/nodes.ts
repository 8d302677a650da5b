import {
  type BinaryNode,
  encodeBigEndian,
  getBinaryNodeChild,
  getBinaryNodeChildBuffer,
  S_WHATSAPP_NET,
} from '@whiskeysockets/baileys';

/** The server part of the jid of a number. As the sender of a stanza, the server is `@s.whatsapp.net`. */
export const SERVER = 's.whatsapp.net';

export function node(tag: string, attrs: Record<string, string | undefined> = {}, content?: BinaryNode['content']): BinaryNode {
  // Attributes without a value are left out, as the encoder does; the type of Baileys' nodes does not say so.
  return content === undefined
    ? { tag, attrs: attrs as Record<string, string> }
    : { tag, attrs: attrs as Record<string, string>, content };
}

export function children(parent: BinaryNode | undefined): BinaryNode[] {
  return Array.isArray(parent?.content) ? parent.content : [];
}

export function child(parent: BinaryNode | undefined, ...path: string[]): BinaryNode | undefined {
  return path.reduce<BinaryNode | undefined>((at, tag) => getBinaryNodeChild(at, tag), parent);
}

export function bytes(parent: BinaryNode | undefined, tag: string): Buffer {
  const content = getBinaryNodeChildBuffer(parent, tag);
  if (!content) throw new Error(`<${parent?.tag}> has no <${tag}>`);
  return Buffer.from(content);
}

export function text(of: BinaryNode | undefined): string {
  return typeof of?.content === 'string' ? of.content : Buffer.from((of?.content as Uint8Array | undefined) ?? []).toString();
}

export function number(of: Uint8Array): number {
  return of.reduce((sum, byte) => sum * 256 + byte, 0);
}

export function bigEndian(value: number, length = 4): Uint8Array {
  return encodeBigEndian(value, length);
}

export function seconds(ms = Date.now()): string {
  return String(Math.floor(ms / 1000));
}

export function userOf(jid = ''): string {
  return jid.split('@')[0]?.split(':')[0]?.split('_')[0] ?? '';
}

export function isLid(jid = ''): boolean {
  return jid.endsWith('@lid');
}

export function result(iq: BinaryNode, content?: BinaryNode[]): BinaryNode {
  return node('iq', { from: S_WHATSAPP_NET, type: 'result', id: iq.attrs.id }, content);
}

export function streamError(code: number | undefined, reason?: BinaryNode): BinaryNode {
  return node('stream:error', { code: code?.toString() }, reason ? [reason] : undefined);
}

export function failure(reason: number): BinaryNode {
  return node('failure', { reason: String(reason), location: 'local' });
}
