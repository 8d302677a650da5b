import { type BinaryNode, generateSignalPubKey, type proto } from '@whiskeysockets/baileys';
import { bigEndian, bytes, child, children, node, number } from './nodes.js';
import type { Bundle } from './signal-party.js';

const KEY_LENGTH = 32;

/** A device linked to an account, with the keys that it has left with the server. */
export class LinkedDevice {
  readonly identity: Buffer;
  readonly registrationId: number;
  #signedPreKey: { keyId: number; publicKey: Buffer; signature: Buffer };
  /** One-time keys not handed out yet: 36 bytes each in one buffer, because 800 objects for each of 100 accounts are not small. */
  #preKeys: Buffer = Buffer.alloc(0);

  constructor(
    readonly id: number,
    readonly noiseKey: Buffer,
    registration: proto.ClientPayload.IDevicePairingRegistrationData,
  ) {
    const { eIdent, eRegid, eSkeyId, eSkeyVal, eSkeySig } = registration;
    if (!eIdent || !eRegid || !eSkeyId || !eSkeyVal || !eSkeySig) throw new Error('The device registers without keys');
    this.identity = Buffer.from(eIdent);
    this.registrationId = number(eRegid);
    this.#signedPreKey = { keyId: number(eSkeyId), publicKey: Buffer.from(eSkeyVal), signature: Buffer.from(eSkeySig) };
  }

  /** One-time keys left. */
  get preKeys(): number {
    return this.#preKeys.length / (4 + KEY_LENGTH);
  }

  /** `iq type=set xmlns=encrypt`: more one-time keys, and the signed one. */
  upload(iq: BinaryNode): void {
    const added = children(child(iq, 'list')).map((key) => {
      const packed = Buffer.alloc(4 + KEY_LENGTH);
      packed.writeUInt32BE(number(bytes(key, 'id')));
      bytes(key, 'value').copy(packed, 4);
      return packed;
    });
    this.#preKeys = Buffer.concat([this.#preKeys, ...added]);
    this.rotate(iq);
  }

  rotate(parent: BinaryNode | undefined): void {
    const key = child(parent, 'skey');
    if (!key) return;
    this.#signedPreKey = { keyId: number(bytes(key, 'id')), publicKey: bytes(key, 'value'), signature: bytes(key, 'signature') };
  }

  digest(): BinaryNode {
    const { keyId, publicKey, signature } = this.#signedPreKey;
    return node('digest', {}, [
      node('registration', {}, bigEndian(this.registrationId)),
      node('type', {}, Buffer.from([5])),
      node('identity', {}, this.identity),
      node('skey', {}, [node('id', {}, bigEndian(keyId, 3)), node('value', {}, publicKey), node('signature', {}, signature)]),
    ]);
  }

  /** What a sender gets: each one-time key goes to one sender only; when all are gone, sessions open without one. */
  takeBundle(): Bundle {
    const { keyId, publicKey, signature } = this.#signedPreKey;
    const bundle: Bundle = {
      registrationId: this.registrationId,
      identityKey: generateSignalPubKey(this.identity),
      signedPreKey: { keyId, publicKey: generateSignalPubKey(publicKey), signature },
    };
    if (this.#preKeys.length === 0) return bundle;
    const packed = this.#preKeys.subarray(0, 4 + KEY_LENGTH);
    this.#preKeys = this.#preKeys.subarray(4 + KEY_LENGTH);
    return {
      ...bundle,
      preKey: { keyId: packed.readUInt32BE(), publicKey: generateSignalPubKey(Buffer.from(packed.subarray(4))) },
    };
  }
}

/** The keys that a device sends along when it could not decrypt: from them the sender opens a new session. */
export function bundleInRetryReceipt(receipt: BinaryNode): Bundle | undefined {
  const keys = child(receipt, 'keys');
  if (!keys) return undefined;
  const signed = child(keys, 'skey');
  const oneTime = child(keys, 'key');
  return {
    registrationId: number(bytes(receipt, 'registration')),
    identityKey: generateSignalPubKey(bytes(keys, 'identity')),
    signedPreKey: {
      keyId: number(bytes(signed, 'id')),
      publicKey: generateSignalPubKey(bytes(signed, 'value')),
      signature: bytes(signed, 'signature'),
    },
    ...(oneTime && {
      preKey: { keyId: number(bytes(oneTime, 'id')), publicKey: generateSignalPubKey(bytes(oneTime, 'value')) },
    }),
  };
}
