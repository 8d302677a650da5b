import type { OutboundContent } from '@soko/contracts';
import { expect, test } from 'vitest';
import { numberedText } from './numbered-text.js';

const cases: [string, OutboundContent, string][] = [
  ['text', { type: 'text', text: { body: 'Hello' } }, 'Hello'],
  [
    'buttons',
    {
      type: 'buttons',
      buttons: {
        header: 'Your order',
        body: 'Right?',
        footer: 'Soko',
        buttons: [
          { id: 'y', title: 'Yes' },
          { id: 'n', title: 'No' },
        ],
      },
    },
    '*Your order*\n\nRight?\n\n1. Yes\n2. No\n\n_Soko_',
  ],
  [
    'a list: numbered through its sections',
    {
      type: 'list',
      list: {
        body: 'Choose',
        button: 'Open',
        sections: [
          { title: 'Food', rows: [{ id: 'a', title: 'Rice', description: '$2' }] },
          { rows: [{ id: 'b', title: 'Soap' }] },
        ],
      },
    },
    'Choose\n\n*Food*\n1. Rice\n   $2\n\n2. Soap',
  ],
  [
    'titles that are numbers: not numbered once more',
    {
      type: 'buttons',
      buttons: {
        body: 'How many?',
        buttons: [
          { id: 'q1', title: '1' },
          { id: 'q5', title: '5' },
        ],
      },
    },
    'How many?\n\n1 · 5',
  ],
];

test.each(cases)('%s', (_, content, text) => {
  expect(numberedText(content)).toBe(text);
});
