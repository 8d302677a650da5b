import { randomBytes, randomInt } from 'node:crypto';
import {
  aesDecryptCTR,
  aesDecryptGCM,
  aesEncryptCTR,
  type BinaryNode,
  Curve,
  derivePairingCodeKey,
  hkdf,
  hmacSign,
  proto,
  S_WHATSAPP_NET,
  WA_ADV_ACCOUNT_SIG_PREFIX,
} from '@whiskeysockets/baileys';
import type { KeyPair } from './keys.js';
import { bytes, child, node, seconds } from './nodes.js';
import type { Companion } from './pairing.js';

/** What a QR code tells the phone that scans it. */
export interface ScannedCode {
  ref: string;
  noiseKey: Buffer;
  identity: Buffer;
  advSecret: Buffer;
}

export function readQr(qr: string): ScannedCode {
  const [ref = '', noiseKey = '', identity = '', advSecret = ''] = qr.slice(qr.indexOf('#') + 1).split(',');
  if (!ref || !advSecret) throw new Error('This is not a QR code of WhatsApp Web');
  return { ref, noiseKey: decode(noiseKey), identity: decode(identity), advSecret: decode(advSecret) };
}

export interface Membership {
  /** `263771000000:1@s.whatsapp.net` */
  jid: string;
  lid: string;
  keyIndex: number;
  name: string;
}

function decode(base64: string): Buffer {
  return Buffer.from(base64, 'base64');
}

/** The phone vouches for the device, the device signs in return: it is linked when this resolves. */
export async function vouch(companion: Companion, identity: KeyPair, advSecret: Buffer, membership: Membership): Promise<void> {
  const deviceIdentity = companion.registration.eIdent ?? Buffer.alloc(0);
  const details = proto.ADVDeviceIdentity.encode({
    rawId: randomInt(2 ** 31),
    timestamp: Math.floor(Date.now() / 1000),
    keyIndex: membership.keyIndex,
  }).finish();
  const signed = proto.ADVSignedDeviceIdentity.encode({
    details,
    accountSignatureKey: identity.public,
    accountSignature: Curve.sign(identity.private, Buffer.concat([WA_ADV_ACCOUNT_SIG_PREFIX, details, deviceIdentity])),
  }).finish();
  const content = proto.ADVSignedDeviceIdentityHMAC.encode({ details: signed, hmac: hmacSign(signed, advSecret) }).finish();
  const answer = await companion.ask(
    node('pair-success', {}, [
      node('device-identity', {}, content),
      node('biz', { name: membership.name }),
      node('device', { jid: membership.jid, lid: membership.lid }),
      node('platform', { name: 'android' }),
    ]),
  );
  const countersigned = child(answer, 'pair-device-sign', 'device-identity')?.content;
  const { deviceSignature } = proto.ADVSignedDeviceIdentity.decode((countersigned as Uint8Array | undefined) ?? Buffer.alloc(0));
  if (!deviceSignature?.length) throw new Error('The device did not sign its membership');
}

/** The phone's half of linking by code. @returns the secret that both sides now share. */
export async function agreeByCode(companion: Companion, code: string, identity: KeyPair): Promise<Buffer> {
  const { codeRequest } = companion;
  if (!codeRequest) throw new Error('The device shows no code');
  const theirs = await unwrap(codeRequest.wrappedEphemeral, code);
  const ephemeral = Curve.generateKeyPair();
  const finish = companion.expect('companion_finish');
  companion.connection.send(
    node(
      'notification',
      { from: S_WHATSAPP_NET, type: 'link_code_companion_reg', id: `code-${randomInt(2 ** 31)}`, t: seconds() },
      [
        node('link_code_companion_reg', { stage: 'primary_hello' }, [
          node('link_code_pairing_wrapped_primary_ephemeral_pub', {}, await wrap(ephemeral.public, code)),
          node('primary_identity_pub', {}, identity.public),
          node('link_code_pairing_ref', {}, Buffer.from(codeRequest.ref)),
        ]),
      ],
    ),
  );
  return shareSecret(await finish, Curve.sharedKey(ephemeral.private, theirs), identity);
}

function shareSecret(finish: BinaryNode, shared: Buffer, identity: KeyPair): Buffer {
  const bundle = bytes(finish, 'link_code_pairing_wrapped_key_bundle');
  const companionIdentity = bytes(finish, 'companion_identity_public');
  const key = hkdf(shared, 32, { salt: bundle.subarray(0, 32), info: 'link_code_pairing_key_bundle_encryption_key' });
  let opened: Buffer;
  try {
    opened = aesDecryptGCM(bundle.subarray(44), key, bundle.subarray(32, 44), Buffer.alloc(0));
  } catch {
    throw new Error('The code is wrong');
  }
  if (!opened.subarray(0, 32).equals(companionIdentity)) throw new Error('The device changed its identity while linking');
  const random = opened.subarray(64);
  const ours = Curve.sharedKey(identity.private, companionIdentity);
  return Buffer.from(hkdf(Buffer.concat([shared, ours, random]), 32, { info: 'adv_secret' }));
}

async function unwrap(wrapped: Buffer, code: string): Promise<Buffer> {
  const key = await derivePairingCodeKey(code, wrapped.subarray(0, 32));
  return aesDecryptCTR(wrapped.subarray(48, 80), key, wrapped.subarray(32, 48));
}

async function wrap(ephemeral: Uint8Array, code: string): Promise<Buffer> {
  const salt = randomBytes(32);
  const iv = randomBytes(16);
  return Buffer.concat([salt, iv, aesEncryptCTR(ephemeral, await derivePairingCodeKey(code, salt), iv)]);
}
