import type { ListRow, ListSection, OutboundContent, ReplyButton } from '@soko/contracts';

/* Messages that keep WhatsApp's limits whatever shop, product and address are called. */

/** `text`, cut to `length` with an ellipsis. */
export const clip = (text: string, length: number): string =>
  text.length <= length ? text : `${cut(text, length - 1).trimEnd()}…`;

/** The beginning of `text`, never ending in half a character: half an emoji is nothing that jsonb or WhatsApp would take. */
export const cut = (text: string, length: number): string => text.slice(0, length).replace(/[\uD800-\uDBFF]$/, '');

type Lines = (string | undefined)[];
const body = (lines: Lines): string => clip(lines.filter(Boolean).join('\n\n'), 1024);

export const text = (...lines: Lines): OutboundContent => ({ type: 'text', text: { body: body(lines) } });

export const picture = (mediaId: string, caption: string): OutboundContent => ({
  type: 'media',
  media: { mediaId, caption: clip(caption, 1024) },
});

/** At most three buttons; without any it is a text. */
export function buttons(choices: ReplyButton[], lines: Lines, header?: string): OutboundContent {
  if (choices.length === 0) return text(header, ...lines);
  return {
    type: 'buttons',
    buttons: {
      ...(header ? { header: clip(header, 60) } : {}),
      body: body(lines),
      buttons: choices.map(({ id, title }) => ({ id, title: clip(title, 20) })),
    },
  };
}

/** At most ten rows in all. */
export const list = (button: string, sections: ListSection[], lines: Lines): OutboundContent => ({
  type: 'list',
  list: {
    body: body(lines),
    button: clip(button, 20),
    sections: sections.map(({ title, rows }) => ({ ...(title ? { title: clip(title, 24) } : {}), rows })),
  },
});

export const row = (id: string, title: string, description?: string): ListRow => ({
  id,
  title: clip(title, 24),
  ...(description ? { description: clip(description, 72) } : {}),
});
