export const BROADCAST_STATUSES = ['draft', 'scheduled', 'running', 'paused', 'done', 'cancelled'] as const;
export type BroadcastStatus = (typeof BROADCAST_STATUSES)[number];

export const BROADCAST_ACTIONS = ['schedule', 'start', 'pause', 'resume', 'finish', 'cancel'] as const;
export type BroadcastAction = (typeof BROADCAST_ACTIONS)[number];
/** Those that people take on one that is there; the others are ours. */
export const MANUAL_BROADCAST_ACTIONS = ['start', 'pause', 'resume', 'cancel'] as const satisfies BroadcastAction[];

const TABLE: Record<BroadcastStatus, Partial<Record<BroadcastAction, BroadcastStatus>>> = {
  draft: { schedule: 'scheduled', start: 'running', cancel: 'cancelled' },
  scheduled: { start: 'running', cancel: 'cancelled' },
  running: { pause: 'paused', finish: 'done', cancel: 'cancelled' },
  paused: { resume: 'running', cancel: 'cancelled' },
  done: {},
  cancelled: {},
};

/** Where `action` leads to; undefined when it is not allowed there. */
export const broadcastTransition = (status: BroadcastStatus, action: BroadcastAction): BroadcastStatus | undefined =>
  TABLE[status][action];

/** What somebody may do with it now. */
export const allowedBroadcastActions = (status: BroadcastStatus): BroadcastAction[] =>
  MANUAL_BROADCAST_ACTIONS.filter((action) => broadcastTransition(status, action));
