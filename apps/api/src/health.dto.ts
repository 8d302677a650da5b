export class HealthView {
  /** @example ok */
  status!: string;
}

export class HealthPartView {
  /** ok or down. @example ok */
  status!: 'ok' | 'down';
  /** Milliseconds. @example 2 */
  latencyMs!: number;
}
export class HealthPartsView {
  database!: HealthPartView;
  queue!: HealthPartView;
  /** Where files lie. */
  storage!: HealthPartView;
}
export class ReadinessView extends HealthView {
  parts!: HealthPartsView;
}
