import { AsyncLocalStorage } from 'node:async_hooks';
import { isPnUser, jidDecode, type SignalKeyStoreWithTransaction, type SocketConfig } from '@whiskeysockets/baileys';
import './session-copies.js';

export type Repository = ReturnType<SocketConfig['makeSignalRepository']>;
export type Sealed = Parameters<Repository['decryptMessage']>[0];
type Opening = Parameters<Repository['injectE2ESession']>[0];

/** Whether sessions are offered that nobody has asked for. One for all connections: each of these costs every promise of the process. */
const offered = new AsyncLocalStorage<true>();

/**
 * For what asks after a person's devices: Baileys opens a new session with whomever it asks about. One that stands stays, unless the
 * device was set up anew.
 */
export const keepingSessions = <T>(ask: () => Promise<T>): Promise<T> => offered.run(true, ask);

/**
 * Signal sessions move on with every message in either direction, and both sides must take the same steps: one that is lost, or taken
 * twice, makes what follows unreadable. Baileys lets a step be lost. It sends inside one long transaction, which reads a session at its
 * beginning and writes it when the frame has left: a process that dies in between takes the step again, and what has come in meanwhile
 * is overwritten. So here every step is a transaction of its own, outside the one that sends: it reads what is kept, nobody else is at
 * work on this person's sessions, and it is kept before anything that depends on it leaves this process.
 */
export class SignalSessions {
  private readonly outside = AsyncLocalStorage.snapshot();

  constructor(
    private readonly keys: SignalKeyStoreWithTransaction,
    private readonly repository: Repository,
    /** Resolves when what was set is kept. */
    private readonly written: () => Promise<void>,
  ) {}

  /** What Baileys shall use. @param decrypt what a decryption is, done in its step. */
  stepwise(decrypt: Repository['decryptMessage']): Repository {
    const { repository } = this;
    return {
      ...repository,
      decryptMessage: (sealed) => this.step(sealed.jid, () => decrypt(sealed)),
      encryptMessage: (plain) => this.step(plain.jid, () => repository.encryptMessage(plain)),
      injectE2ESession: async (opening) => {
        if (!offered.getStore() || !(await this.stands(opening)))
          await this.step(opening.jid, () => repository.injectE2ESession(opening));
      },
      migrateSession: (from, to) => this.step(to, () => repository.migrateSession(from, to)),
      deleteSession: async (jids) => {
        for (const jid of jids) await this.step(jid, () => repository.deleteSession([jid]));
      },
      // Read inside the transaction that sends, they would go on saying what was true at its beginning.
      validateSession: (jid) => this.outside(() => repository.validateSession(jid)),
      getSessionInfo: (jid) => this.outside(() => repository.getSessionInfo(jid)),
    };
  }

  private async stands({ jid, session }: Opening): Promise<boolean> {
    const info = await this.outside(() => this.repository.getSessionInfo(jid));
    return info?.registrationId === session.registrationId;
  }

  private async step<T>(jid: string, work: () => Promise<T>): Promise<T> {
    // A number and its lid are one person, with the same sessions.
    const lid = isPnUser(jid) ? await this.outside(() => this.repository.lidMapping.getLIDForPN(jid)) : undefined;
    const person = `sessions of ${jidDecode(lid ?? jid)?.user}`;
    const done = await this.outside(() => this.keys.transaction(work, person));
    await this.written();
    return done;
  }
}
