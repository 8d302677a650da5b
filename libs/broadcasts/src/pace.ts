/** What a broadcast must know of its channel. */
export interface PacedChannel {
  kind: string;
  config: { messagesPerSecond?: number };
  status: string;
}

/** What a channel sends in about a second; for WhatsApp Web, where a message to somebody new takes some, in a few. */
const PER_SECOND: Record<string, number> = { cloud: 80, simulator: 20, baileys: 5 };

/**
 * How many messages of broadcasts may wait at once to leave by the channel. So many are ahead of a customer who is answered just then:
 * they are about a second's worth, whatever the broadcast's size. What has left makes room for more, and so the channel's own limits are
 * the broadcast's pace.
 */
export const roomOf = ({ kind, config }: PacedChannel): number => config.messagesPerSecond ?? PER_SECOND[kind] ?? 1;

/** When to look again whether something has left, in ms. Of a channel that is away not so soon. */
export const restMs = ({ status }: PacedChannel): number => (status === 'connected' ? 1_000 : 10_000);
