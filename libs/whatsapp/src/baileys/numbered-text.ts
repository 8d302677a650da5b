import { contentText, optionsOf, type OutboundContent } from '@soko/contracts';

/** Titles that are numbers themselves ("How many?") would fight with the numbers before them. */
const isNumber = (title: string): boolean => /^\d+$/.test(title.trim());

/**
 * A message as plain text that works on every phone: buttons and lists of linked devices are shown by some clients and by others not at
 * all, and nothing tells which. What is written back is matched with what was offered (`chosenOf`).
 */
export function numberedText(content: OutboundContent): string {
  const options = optionsOf(content);
  if (options.length === 0) return contentText(content);
  if (options.every(({ title }) => isNumber(title))) return join(content, options.map(({ title }) => title.trim()).join(' · '));
  let number = 0;
  const line = ({ title, description }: { title: string; description?: string }) =>
    `${++number}. ${title}${description ? `\n   ${description}` : ''}`;
  const lines =
    content.type === 'list'
      ? content.list.sections.map((section) =>
          [...(section.title ? [`*${section.title}*`] : []), ...section.rows.map(line)].join('\n'),
        )
      : [options.map(line).join('\n')];
  return join(content, lines.join('\n\n'));
}

function join(content: OutboundContent, choices: string): string {
  const { header, body, footer } =
    content.type === 'list'
      ? content.list
      : content.type === 'buttons'
        ? content.buttons
        : { header: '', body: contentText(content), footer: '' };
  return [header && `*${header}*`, body, choices, footer && `_${footer}_`].filter(Boolean).join('\n\n');
}
