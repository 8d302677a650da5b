// @ts-check

/** Something the person at the keyboard can put right. The message is one line that says how; `detail` is output worth showing before it. */
export class Problem extends Error {
  /** @param {string} message @param {string} [detail] */
  constructor(message, detail = '') {
    super(message);
    this.name = 'Problem';
    this.detail = detail.trimEnd();
  }
}
