// @ts-check

/** Wide enough for the longest app, bot-gateway. */
const NAME_WIDTH = 11;
const LONGEST_VALUE = 400;
const HIDDEN = new Set(['level', 'time', 'msg', 'pid', 'hostname', 'v', 'name', 'err']);

/** @type {[number, string, number][]} lowest pino level, its word, its ANSI colour */
const LEVELS = [
  [60, 'FATAL', 31],
  [50, 'ERROR', 31],
  [40, 'WARN ', 33],
  [30, 'INFO ', 32],
  [20, 'DEBUG', 90],
  [0, 'TRACE', 90],
];

/** @param {string} text @param {number} code @param {boolean} colour */
const paint = (text, code, colour) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);

/** @param {string} name @param {string} text @param {boolean} [colour] */
export function prefixed(name, text, colour = false) {
  return `${paint(`${name.padEnd(NAME_WIDTH)} |`, 36, colour)} ${text}`;
}

/** @param {number} value */
const digits = (value, width = 2) => String(value).padStart(width, '0');

/** @param {unknown} time epoch milliseconds or ISO text */
function clockTime(time) {
  const date = new Date(/** @type {string | number} */ (time));
  if (Number.isNaN(date.getTime())) return '--:--:--.---';
  return `${digits(date.getHours())}:${digits(date.getMinutes())}:${digits(date.getSeconds())}.${digits(date.getMilliseconds(), 3)}`;
}

/** @param {unknown} value */
function shown(value) {
  const text =
    typeof value === 'string'
      ? /^[^\s"=]+$/.test(value)
        ? value
        : JSON.stringify(value)
      : (JSON.stringify(value) ?? 'undefined');
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}...` : text;
}

/**
 * One line of a child's output for people to read. What is not a pino record stays as it is.
 * @param {string} name
 * @param {string} line
 * @param {boolean} [colour]
 */
export function humanLine(name, line, colour = false) {
  /** @type {Record<string, unknown> | undefined} */
  let record;
  try {
    record = line.startsWith('{') ? JSON.parse(line) : undefined;
  } catch {
    record = undefined;
  }
  if (!record || typeof record.level !== 'number') return prefixed(name, line, colour);
  const level = record.level;
  const [, word, code] = LEVELS.find(([lowest]) => level >= lowest) ?? [0, 'TRACE', 90];
  const fields = Object.entries(record).flatMap(([key, value]) =>
    HIDDEN.has(key) ? [] : [`${paint(`${key}=`, 90, colour)}${shown(value)}`],
  );
  const err = /** @type {{ message?: unknown, stack?: unknown } | undefined} */ (record.err);
  // The stack is the one thing worth more than a line, and only when something is wrong.
  const trouble = err
    ? level >= 50 && typeof err.stack === 'string'
      ? `\n${err.stack}`
      : ` err=${shown(err.message ?? err)}`
    : '';
  const text = `${clockTime(record.time)} ${paint(word, code, colour)} ${typeof record.msg === 'string' ? record.msg : ''}${fields.map((field) => ` ${field}`).join('')}${trouble}`;
  return text
    .split('\n')
    .map((part) => prefixed(name, part, colour))
    .join('\n');
}
