export class BreakerView {
  /** What it stands in front of. @example whatsapp_cloud */
  name!: string;
  /** `open`: nothing is called until `openUntil`; `half_open`: a few calls try. @example open */
  state!: 'closed' | 'open' | 'half_open';
  /** @example 2026-11-25T09:30:10.000Z */
  openUntil?: string;
  /** How often in a row it has opened; each time is longer. @example 1 */
  trips!: number;
  /** @example "Meta answered 503" */
  reason?: string;
  changedAt!: string;
}
