import { UnsupportedMediaError } from './media.errors.js';

/** What makes a browser or an interpreter do something with a text. */
const MARKUP =
  /<(?:!doctype|!entity|!\[cdata|\?xml|\?php|[a-z]*:?(?:html|head|body|svg|script|iframe|object|embed|img|style|math|meta|link|base|form))\b/i;
/** The longest beginning of markup that a border between two pieces can cut in half. */
const OVERLAP = 40;
// Tab, line feed, form feed and carriage return are a text's own.
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b\u000e-\u001f\u007f]/;

/**
 * Whether bytes, in pieces, are UTF-8 text that nothing runs. `whole` is false for a beginning, whose last character may be cut in half.
 * @throws UnsupportedMediaError
 */
export async function checkText(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, whole: boolean): Promise<void> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let before: string | undefined;
  for await (const piece of pieces) {
    const text = decoded(() => decoder.decode(piece, { stream: true }));
    if (before === undefined && text.startsWith('#!')) throw new UnsupportedMediaError('Scripts are not taken.');
    if (CONTROL.test(text)) throw new UnsupportedMediaError(NO_TEXT);
    const seen = (before ?? '') + text;
    if (MARKUP.test(seen)) throw new UnsupportedMediaError('HTML, SVG and XML are not taken, as they can carry scripts.');
    before = seen.slice(-OVERLAP);
  }
  if (whole) decoded(() => decoder.decode());
}

const NO_TEXT =
  'The bytes are of no type that is taken, and no text in UTF-8. Save a text or a table as UTF-8 and send it again.';

function decoded(decode: () => string): string {
  try {
    return decode();
  } catch {
    throw new UnsupportedMediaError(NO_TEXT);
  }
}
