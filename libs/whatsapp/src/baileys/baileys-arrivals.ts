import {
  type AuthenticationCreds,
  type BinaryNode,
  decodeMessageNode,
  isLidUser,
  proto,
  unpadRandomMax16,
  type WAMessageKey,
} from '@whiskeysockets/baileys';
import type { Arrival } from './baileys-inbound.js';

interface LidMapping {
  getPNForLID(lid: string): Promise<string | null>;
}

/** Who sent a stanza, and to whom. Undefined when it does not say. */
export function envelopeOf(stanza: BinaryNode, { me }: AuthenticationCreds): Arrival | undefined {
  try {
    const { fullMessage } = decodeMessageNode(stanza, me?.id ?? '', me?.lid ?? '');
    return { key: fullMessage.key, pushName: fullMessage.pushName };
  } catch {
    return undefined;
  }
}

/** What came in a stanza that was decrypted to `plain`. */
export async function arrivalsOf(
  stanza: BinaryNode,
  plain: Uint8Array,
  creds: AuthenticationCreds,
  lids: LidMapping,
): Promise<Arrival[]> {
  const envelope = envelopeOf(stanza, creds);
  if (!envelope) return [];
  const message = proto.Message.decode(unpadRandomMax16(plain));
  const arrivals = [{ ...envelope, message }, ...(envelope.key.fromMe ? resent(message) : [])];
  for (const { key } of arrivals) await completed(key, lids);
  return arrivals;
}

/** What came without its content (as from an advertisement), and our own phone has sent along now. */
function resent({ protocolMessage }: proto.IMessage): Arrival[] {
  const results = protocolMessage?.peerDataOperationRequestResponseMessage?.peerDataOperationResult ?? [];
  return results.flatMap(({ placeholderMessageResendResponse }) => {
    const bytes = placeholderMessageResendResponse?.webMessageInfoBytes;
    if (!bytes) return [];
    const { key, message, pushName } = proto.WebMessageInfo.decode(bytes);
    return key && message ? [{ key, message, pushName }] : [];
  });
}

/** A lid alone does not tell the number; Baileys may know it from before. */
async function completed(key: WAMessageKey, lids: LidMapping): Promise<void> {
  if (key.remoteJidAlt || !key.remoteJid || !isLidUser(key.remoteJid)) return;
  key.remoteJidAlt = (await lids.getPNForLID(key.remoteJid)) ?? undefined;
}
