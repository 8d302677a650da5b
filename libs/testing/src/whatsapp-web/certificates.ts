import { Curve, proto } from '@whiskeysockets/baileys';
import type { KeyPair, Keys } from './keys.js';

const { NoiseCertificate } = proto.CertChain;

export interface NoiseIdentity {
  /** What clients pin, in base64. */
  root: string;
  static: KeyPair;
  /** The encoded chain that vouches for `static`. */
  chain: Uint8Array;
}

/**
 * A root, an intermediate certificate that it signs and a leaf that the intermediate signs, as WhatsApp has them, so that a
 * client that checks every link of the chain still accepts this server.
 */
export function issueCertificates(keys: Keys): NoiseIdentity {
  const root = keys.pair('noise root');
  const intermediate = keys.pair('noise intermediate');
  const server = keys.pair('noise static');
  const now = Math.floor(Date.now() / 1000);
  const validity = { notBefore: now - 3600, notAfter: now + 365 * 24 * 3600 };
  return {
    root: root.public.toString('base64'),
    static: server,
    chain: proto.CertChain.encode({
      intermediate: signed(root, { serial: 1, issuerSerial: 0, key: intermediate.public, ...validity }),
      leaf: signed(intermediate, { serial: 2, issuerSerial: 1, key: server.public, ...validity }),
    }).finish(),
  };
}

function signed(issuer: KeyPair, details: proto.CertChain.NoiseCertificate.IDetails): proto.CertChain.INoiseCertificate {
  const bytes = NoiseCertificate.Details.encode(details).finish();
  return { details: bytes, signature: Curve.sign(issuer.private, bytes) };
}
