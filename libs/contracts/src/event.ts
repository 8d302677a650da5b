/** A kind of domain event. `subject` names what it is about; events of one subject keep their order. */
export interface EventDef<D extends object = object> {
  type: string;
  /** Of the form of `data`. Fields may be added to a version; a change that breaks readers is a new type beside the old one. */
  version: number;
  /** When it happens: for partners, in the catalogue and its page. */
  description: string;
  data: new () => D;
  subject: (data: D) => string;
}

/** The envelope, the same in a webhook's body, a realtime push and the event feed. */
export interface EventEnvelope<D extends object = object> {
  id: string;
  type: string;
  /** ISO 8601, when it happened. */
  timestamp: string;
  merchantId: string;
  data: D;
}

const catalogue = new Map<string, EventDef>();

export function defineEvent<D extends object>(
  type: string,
  data: new () => D,
  subject: (data: D) => string,
  description: string,
): EventDef<D> {
  if (catalogue.has(type)) throw new Error(`event ${type} is defined twice`);
  const def = { type, version: 1, description, data, subject };
  catalogue.set(type, def as unknown as EventDef);
  return def;
}

/** Every event type there is. */
export const allEvents = (): EventDef[] => [...catalogue.values()];
