export class QueueView {
  /** @example message_sending-0 */
  name!: string;
  /** @example 12 */
  waiting!: number;
  /** @example 3 */
  active!: number;
  /** @example 0 */
  delayed!: number;
  /** Kept for a look; what must still be done stands in rows. @example 1 */
  failed!: number;
}

export class JobView {
  /** @example 4711 */
  id!: string;
  /** @example process-order */
  name!: string;
  /** waiting, active, delayed, failed or completed. @example failed */
  state!: string;
  /** A number or an object, as the job reports it. @example 100 */
  progress!: unknown;
  /** @example 3 */
  attemptsMade!: number;
  /** @example "the database is starting up" */
  failedReason?: string;
}
