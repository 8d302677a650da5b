import { type BinaryNode, Curve, encodeWAMessage, generateSignalPubKey, proto, unpadRandomMax16 } from '@whiskeysockets/baileys';
import { ProtocolAddress, SessionBuilder, SessionCipher, SessionRecord, type SignalStorage } from 'libsignal';
import type { KeyPair, Keys } from './keys.js';
import { bigEndian, node } from './nodes.js';

/** What a sender must know to open a session with a device. */
export interface Bundle {
  registrationId: number;
  identityKey: Uint8Array;
  signedPreKey: { keyId: number; publicKey: Uint8Array; signature: Uint8Array };
  preKey?: { keyId: number; publicKey: Uint8Array };
}

export interface Encrypted {
  type: 'pkmsg' | 'msg';
  ciphertext: Buffer;
}

/** The inside of libsignal's record of somebody: their sessions, each with a chain for every turn of its ratchet, which it never lets go of. */
interface Inside {
  sessions: Record<string, { _chains: Record<string, { chainType: number }>; indexInfo: { used: number } }>;
}

const SIGNED_PRE_KEY_ID = 1;
/** So many turns back a phone reads what was late on its way. */
const CHAINS = 5;
const RECEIVING = 2;
/** libsignal's number of a message that also opens the session. */
const OPENS_SESSION = 3;

/** Someone who encrypts and decrypts: a customer, or the merchant's own phone. Always its device 0. */
export class SignalParty {
  readonly registrationId: number;
  readonly #identity: KeyPair;
  readonly #signedPreKey: KeyPair;
  readonly #sessions = new Map<string, SessionRecord>();
  readonly #preKeys = new Map<number, { private: Uint8Array; public: Uint8Array }>();
  #lastPreKeyId = 0;
  #signature: Uint8Array | undefined;

  constructor(keys: Keys, name: string) {
    this.registrationId = keys.registrationId(name);
    this.#identity = keys.pair(`identity ${name}`);
    this.#signedPreKey = keys.pair(`signed pre-key ${name}`);
  }

  get identity(): KeyPair {
    return this.#identity;
  }

  knows(device: string): boolean {
    return this.#sessions.get(device)?.haveOpenSession() ?? false;
  }

  async open(device: string, bundle: Bundle): Promise<void> {
    // libsignal's type wants a one-time key; without one it opens the session all the same.
    await new SessionBuilder(this.#storage, address(device)).initOutgoing(bundle as Required<Bundle>);
  }

  async encrypt(device: string, message: proto.IMessage): Promise<Encrypted> {
    const data = encodeWAMessage(message);
    const { type, body } = await new SessionCipher(this.#storage, address(device)).encrypt(data);
    return { type: type === OPENS_SESSION ? 'pkmsg' : 'msg', ciphertext: Buffer.from(body, 'binary') };
  }

  /** @throws Error when no session fits: they stay as they were. */
  async decrypt(device: string, { type, ciphertext }: Encrypted): Promise<proto.Message> {
    const padded = await (type === 'pkmsg'
      ? new SessionCipher(this.#storage, address(device)).decryptPreKeyWhisperMessage(ciphertext)
      : this.#decryptInSession(device, ciphertext));
    return proto.Message.decode(unpadRandomMax16(padded));
  }

  /** One session at a time, on a copy: libsignal turns the ratchet of those that it tries in vain, too, and stores them so. */
  async #decryptInSession(device: string, ciphertext: Buffer): Promise<Buffer> {
    const record = this.#sessions.get(device);
    if (!record) throw new Error('No session record');
    const { sessions } = inside(record);
    const newestFirst = Object.entries(sessions).toSorted(([, a], [, b]) => b.indexInfo.used - a.indexInfo.used);
    let reason: unknown;
    for (const [key, session] of newestFirst) {
      const alone = new SessionRecord();
      inside(alone).sessions[key] = session;
      const copy = SessionRecord.deserialize(alone.serialize());
      const storage = { ...this.#storage, loadSession: async () => copy, storeSession: async () => undefined };
      try {
        const padded = await new SessionCipher(storage, address(device)).decryptWhisperMessage(ciphertext);
        Object.assign(sessions, inside(copy).sessions);
        await this.#storage.storeSession(device, record);
        return padded;
      } catch (error) {
        reason ??= error;
      }
    }
    throw reason;
  }

  /** The answer to one who wants to write to us first: identity, signed key and a one-time key of their own. */
  bundle(): BinaryNode[] {
    const oneTime = this.#oneTimeKey();
    this.#signature ??= Curve.sign(this.#identity.private, generateSignalPubKey(this.#signedPreKey.public));
    return [
      node('registration', {}, bigEndian(this.registrationId)),
      node('type', {}, Buffer.from([5])),
      node('identity', {}, this.#identity.public),
      node('key', {}, [node('id', {}, bigEndian(oneTime.id, 3)), node('value', {}, oneTime.public)]),
      node('skey', {}, [
        node('id', {}, bigEndian(SIGNED_PRE_KEY_ID, 3)),
        node('value', {}, this.#signedPreKey.public),
        node('signature', {}, this.#signature),
      ]),
    ];
  }

  #oneTimeKey(): { id: number; public: Uint8Array } {
    const pair = Curve.generateKeyPair();
    const id = ++this.#lastPreKeyId;
    this.#preKeys.set(id, pair);
    return { id, public: pair.public };
  }

  /** Sessions are kept as libsignal's own objects: serialising them for every message would cost more than the encryption. */
  readonly #storage: SignalStorage = {
    loadSession: async (device) => this.#sessions.get(device),
    storeSession: async (device, session) => void this.#sessions.set(device, withoutOldChains(session)),
    isTrustedIdentity: () => true,
    loadPreKey: async (id) => libsignalPair(this.#preKeys.get(Number(id))),
    removePreKey: (id) => void this.#preKeys.delete(id),
    loadSignedPreKey: () => libsignalPair(this.#signedPreKey),
    getOurRegistrationId: () => this.registrationId,
    getOurIdentity: () => libsignalPair(this.#identity),
  };
}

const inside = (record: SessionRecord): Inside => record as unknown as Inside;

function withoutOldChains(record: SessionRecord): SessionRecord {
  for (const { _chains } of Object.values(inside(record).sessions)) {
    const received = Object.keys(_chains).filter((key) => _chains[key]!.chainType === RECEIVING);
    for (const key of received.slice(0, -CHAINS)) delete _chains[key];
  }
  return record;
}

function libsignalPair(pair: { private: Uint8Array; public: Uint8Array }): { privKey: Buffer; pubKey: Buffer };
function libsignalPair(pair?: { private: Uint8Array; public: Uint8Array }): { privKey: Buffer; pubKey: Buffer } | undefined;
function libsignalPair(pair?: { private: Uint8Array; public: Uint8Array }): { privKey: Buffer; pubKey: Buffer } | undefined {
  return pair && { privKey: Buffer.from(pair.private), pubKey: Buffer.from(generateSignalPubKey(pair.public)) };
}

function address(device: string): ProtocolAddress {
  const [name = '', id = '0'] = device.split('.');
  return new ProtocolAddress(name, Number(id));
}
