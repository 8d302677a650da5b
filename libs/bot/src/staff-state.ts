/** Where a conversation with somebody of the team stands. */
export type StaffState =
  | { step: 'ready' }
  /** They are a customer for a while. */
  | { step: 'shopping' }
  | { step: 'orders'; page: number }
  | { step: 'order'; number: number }
  /** Shall it really be cancelled? */
  | { step: 'cancelling'; number: number; reason?: string }
  /** `words`: what was looked for. */
  | { step: 'stock'; page: number; words?: string }
  | { step: 'product'; productId: string }
  | { step: 'deliveries'; page: number }
  | { step: 'delivery'; number: number }
  /** Which code did the customer tell, of the order of this number? */
  | { step: 'code'; number: number }
  /** Why does it come back? */
  | { step: 'reason'; number: number }
  /** What is it a photo of? */
  | { step: 'photo'; mediaId: string }
  /** Which template is to be broadcast? */
  | { step: 'templates'; page: number }
  /** What the draft lacks: who gets it, or a value. */
  | { step: 'broadcast'; draft: BroadcastDraft; page: number }
  /** Shall it go out as it was shown? */
  | { step: 'preview'; draft: Required<BroadcastDraft>; shown: ShownBroadcast };

/** A broadcast that is being made. */
export interface BroadcastDraft {
  templateId: string;
  /** As `segmentOf` reads it. */
  audience?: string;
  /** What stands for its variables. */
  values: Record<string, string>;
}

export interface ShownBroadcast {
  /** Of the template. */
  edition: string;
  recipients: number;
  /** What the buttons below it carry. */
  key: string;
}

export type StaffStep = StaffState['step'];

export const READY: StaffState = { step: 'ready' };

/** Rises when states stop meaning what they meant. */
const VERSION = 1;

/** As it is stored. */
export const storedStaff = (state: StaffState): object => ({ version: VERSION, ...state });

/** What was stored; what another version or nobody has written starts anew. */
export function readStaffState(value: unknown): StaffState {
  if (typeof value !== 'object' || value === null || !('version' in value) || value.version !== VERSION) return READY;
  const { version: _, ...state } = value as Stored;
  const fits = Object.hasOwn(SHAPES, String(state.step)) ? SHAPES[state.step as StaffStep] : undefined;
  return fits?.(state) ? (state as unknown as StaffState) : READY;
}

type Stored = Record<string, unknown>;
const isTextOrNothing = (value: unknown): boolean => value === undefined || typeof value === 'string';
const isPage = ({ page }: Stored): boolean => Number.isSafeInteger(page) && Number(page) >= 0;
const isNumbered = ({ number }: Stored): boolean => Number.isSafeInteger(number);
const isRecord = (value: unknown): value is Stored => typeof value === 'object' && value !== null && !Array.isArray(value);
const isDraft = (draft: unknown): draft is Stored =>
  isRecord(draft) &&
  typeof draft.templateId === 'string' &&
  isTextOrNothing(draft.audience) &&
  isRecord(draft.values) &&
  Object.values(draft.values).every((value) => typeof value === 'string');
const isShown = (shown: unknown): boolean =>
  isRecord(shown) && typeof shown.edition === 'string' && typeof shown.key === 'string' && Number.isSafeInteger(shown.recipients);
const always = (): boolean => true;

const SHAPES: Record<StaffStep, (state: Stored) => boolean> = {
  ready: always,
  shopping: always,
  orders: isPage,
  order: isNumbered,
  cancelling: (state) => isNumbered(state) && isTextOrNothing(state.reason),
  stock: (state) => isPage(state) && isTextOrNothing(state.words),
  product: ({ productId }) => typeof productId === 'string',
  deliveries: isPage,
  delivery: isNumbered,
  code: isNumbered,
  reason: isNumbered,
  photo: ({ mediaId }) => typeof mediaId === 'string',
  templates: isPage,
  broadcast: (state) => isPage(state) && isDraft(state.draft),
  preview: ({ draft, shown }) => isDraft(draft) && draft.audience !== undefined && isShown(shown),
};
