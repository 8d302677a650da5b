import type { BinaryNode } from '@whiskeysockets/baileys';
import type { LinkedDevice } from './device.js';
import { child, children, isLid, node, result, SERVER, text, userOf } from './nodes.js';

/** Someone on WhatsApp, as the server answers questions about them. */
export interface Entry {
  /** Without server: `263771234567`. */
  user: string;
  lidUser: string;
  /** Devices beside the phone itself, which is always device 0. */
  companions: readonly { id: number }[];
  bundle(): BinaryNode[];
}

export interface QueryContext {
  device: LinkedDevice;
  /** By phone number or lid, without server. */
  find: (user: string) => Entry | undefined;
  mediaConnection: () => BinaryNode;
}

/** Answers what a client asks. What is not known is answered with nothing in it, which Baileys takes well. */
export function answer(iq: BinaryNode, context: QueryContext): BinaryNode {
  switch (iq.attrs.xmlns) {
    case 'encrypt':
      return encryption(iq, context);
    case 'usync':
      return usync(iq, context);
    case 'w:m':
      return result(iq, [context.mediaConnection()]);
    case 'abt':
      return result(iq, [node('props', { protocol: '1', hash: 'local', refresh: '86400' })]);
    case 'blocklist':
      return result(iq, [node('list')]);
    case 'privacy':
      return iq.attrs.type === 'get' ? result(iq, [privacy()]) : result(iq);
    case 'w:sync:app:state':
      return appState(iq);
    case 'w:g2':
      return result(iq, [node('groups')]);
    case 'w:mex':
      return result(iq, [node('result', {}, Buffer.from(JSON.stringify({ data: NO_RESTRICTIONS })))]);
    default:
      return result(iq);
  }
}

const NO_RESTRICTIONS = {
  xwa2_fetch_account_reachout_timelock: { is_active: false },
  xwa2_message_capping_info: { total_quota: 1000, used_quota: 0 },
};

function encryption(iq: BinaryNode, { device, find }: QueryContext): BinaryNode {
  if (child(iq, 'count')) return result(iq, [node('count', { value: String(device.preKeys) })]);
  if (child(iq, 'digest')) return result(iq, [device.digest()]);
  if (child(iq, 'rotate')) device.rotate(child(iq, 'rotate'));
  else if (child(iq, 'list')) device.upload(iq);
  const asked = child(iq, 'key');
  if (!asked) return result(iq);
  const users = children(asked).map(({ attrs: { jid } }) => {
    const bundle = find(userOf(jid))?.bundle();
    // The jid comes back as it was asked for: the client files the session under it.
    return node('user', { jid }, bundle ?? [node('error', { code: '404', text: 'item-not-found' })]);
  });
  return result(iq, [node('list', {}, users)]);
}

function usync(iq: BinaryNode, { find }: QueryContext): BinaryNode {
  const asked = child(iq, 'usync');
  const protocols = children(child(asked, 'query')).map(({ tag }) => tag);
  const users = children(child(asked, 'list')).map((user) => {
    const byNumber = child(user, 'contact');
    const number = byNumber && !user.attrs.jid ? text(byNumber).replace(/^\+/, '') : undefined;
    const jid = user.attrs.jid ?? `${number}@${SERVER}`;
    const entry = find(number ?? userOf(jid));
    return node(
      'user',
      { jid },
      protocols.flatMap((protocol) => usyncAnswer(protocol, jid, entry)),
    );
  });
  const head = node(
    'result',
    {},
    protocols.map((protocol) => node(protocol)),
  );
  const { context, mode, sid, index, last } = asked?.attrs ?? {};
  return result(iq, [node('usync', { context, mode, sid, index, last }, [head, node('list', {}, users)])]);
}

function usyncAnswer(protocol: string, jid: string, entry: Entry | undefined): BinaryNode[] {
  if (protocol === 'contact') return [node('contact', { type: entry ? 'in' : 'out' })];
  if (!entry) return [];
  // Baileys takes a lid in an answer about a lid for a mapping of the lid to itself, and warns.
  if (protocol === 'lid') return isLid(jid) ? [] : [node('lid', { val: `${entry.lidUser}@lid` })];
  if (protocol !== 'devices') return [];
  const devices = [{ id: 0 }, ...entry.companions].map(({ id }) =>
    node('device', { id: String(id), 'key-index': id === 0 ? undefined : String(id) }),
  );
  return [node('devices', {}, [node('device-list', {}, devices)])];
}

/** Baileys asks again for every collection that is not answered. */
function appState(iq: BinaryNode): BinaryNode {
  const collections = children(child(iq, 'sync')).map(({ attrs: { name, version } }) =>
    node('collection', { name, version, has_more_patches: 'false' }),
  );
  return result(iq, [node('sync', {}, collections)]);
}

function privacy(): BinaryNode {
  const settings = {
    readreceipts: 'all',
    last: 'all',
    online: 'all',
    profile: 'all',
    status: 'all',
    groupadd: 'all',
    calladd: 'all',
  };
  return node(
    'privacy',
    {},
    Object.entries(settings).map(([name, value]) => node('category', { name, value })),
  );
}
