export class EventTypeView {
  /** @example order_created */
  type!: string;
  /** Of the form of `data`: fields may be added to it, none is taken away. @example 1 */
  version!: number;
  /** When it happens. @example "A customer has placed an order." */
  description!: string;
  /** JSON Schema (2020-12) of the whole event. @example { "type": "object" } */
  schema!: Record<string, unknown>;
  /** A whole event. @example { "type": "order_created" } */
  example!: Record<string, unknown>;
}
export class EventTypesView {
  data!: EventTypeView[];
}
