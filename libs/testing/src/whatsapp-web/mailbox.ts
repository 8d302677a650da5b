import type { BinaryNode } from '@whiskeysockets/baileys';
import { node } from './nodes.js';

interface Waiting {
  stanza: BinaryNode;
  /** Not sent yet on this connection. */
  due: boolean;
  /** How often it went out on this connection. A device acknowledges each time, in order. */
  sent: number;
  acks: number;
}

/** What the server keeps for a device until the device has acknowledged it. */
export class Mailbox {
  readonly #waiting = new Map<string, Waiting>();

  /** A message that is encrypted anew takes the place of the one that could not be read, and is sent at once. */
  put(stanza: BinaryNode): void {
    const key = keyOf(stanza);
    const known = this.#waiting.get(key);
    if (known) Object.assign(known, { stanza, due: true });
    else this.#waiting.set(key, { stanza, due: true, sent: 0, acks: 0 });
  }

  sent(stanza: BinaryNode): void {
    const waiting = this.#waiting.get(keyOf(stanza));
    if (!waiting) return;
    waiting.due = false;
    waiting.sent += 1;
  }

  /** The device had this stanza in its hands. @returns it, when nothing of the same id is under way any more. */
  acknowledge(ack: BinaryNode): BinaryNode | undefined {
    const key = `${ack.attrs.class} ${ack.attrs.id} ${ack.attrs.class === 'message' ? '' : (ack.attrs.type ?? '')}`;
    const waiting = this.#waiting.get(key);
    if (!waiting) return undefined;
    waiting.acks += 1;
    return !waiting.due && waiting.acks >= waiting.sent ? this.#take(key) : undefined;
  }

  /** A receipt says that the message itself arrived, however often it was sent. */
  receipt(id: string): BinaryNode | undefined {
    return this.#take(`message ${id} `);
  }

  stanzas(): BinaryNode[] {
    return [...this.#waiting.values()].map(({ stanza }) => stanza);
  }

  /** What must go out, in the order in which it came. */
  due(): BinaryNode[] {
    return [...this.#waiting.values()].filter(({ due }) => due).map(({ stanza }) => stanza);
  }

  /** What went out on the lost connection and was not acknowledged goes out again on the next one. */
  rewind(): void {
    for (const waiting of this.#waiting.values()) {
      Object.assign(waiting, { due: true, sent: 0, acks: 0 });
    }
  }

  clear(): void {
    this.#waiting.clear();
  }

  #take(key: string): BinaryNode | undefined {
    const stanza = this.#waiting.get(key)?.stanza;
    this.#waiting.delete(key);
    return stanza;
  }
}

export function offline(stanza: BinaryNode, index: number): BinaryNode {
  return node(stanza.tag, { ...stanza.attrs, offline: String(index) }, stanza.content);
}

function keyOf({ tag, attrs }: BinaryNode): string {
  return `${tag} ${attrs.id} ${tag === 'message' ? '' : (attrs.type ?? '')}`;
}
