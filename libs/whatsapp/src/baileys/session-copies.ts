import { SessionCipher } from 'libsignal';

interface Session {
  serialize(): object;
  constructor: { deserialize(data: object): Session };
}
interface Cipher {
  decryptWithSessions: (data: Buffer, sessions: Session[]) => Promise<{ session: Session; plaintext: Buffer }>;
}

const cipher = SessionCipher.prototype as unknown as Cipher;
const { decryptWithSessions: decrypt } = cipher;

/**
 * A message may belong to an older session of the same person than the newest, and libsignal tries one after the other. One that it
 * tries in vain it leaves with its ratchet turned by a key that was not meant for it, and stores it so, with the one that fitted: all
 * that is sent by it from then on is unreadable. So each is put back as it was.
 */
cipher.decryptWithSessions = async function (data, sessions) {
  const [session, ...others] = sessions;
  if (!session || others.length === 0) return decrypt.call(this, data, sessions);
  const before = session.serialize();
  try {
    return await decrypt.call(this, data, [session]);
  } catch {
    Object.assign(session, session.constructor.deserialize(before));
    return this.decryptWithSessions(data, others);
  }
};
