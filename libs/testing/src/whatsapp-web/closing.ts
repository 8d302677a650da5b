import { type BinaryNode, S_WHATSAPP_NET } from '@whiskeysockets/baileys';
import { failure, node, streamError } from './nodes.js';

/** The codes under which Baileys reports a closed connection (`DisconnectReason`), and 405 of a refused login. */
export type ClosingCode = 401 | 403 | 405 | 408 | 411 | 428 | 440 | 500 | 503 | 515;

/** What the server says before it closes the socket; nothing for 428, where the socket just breaks. */
export function closing(code: ClosingCode): BinaryNode | undefined {
  switch (code) {
    case 428:
      return undefined;
    case 440:
      return streamError(undefined, node('conflict', { type: 'replaced' }));
    case 401:
      return streamError(401, node('conflict', { type: 'device_removed' }));
    case 411:
      return node('ib', { from: S_WHATSAPP_NET }, [node('downgrade_webclient')]);
    case 405:
      return failure(405);
    default:
      return streamError(code);
  }
}
