import type { TemplateText } from './render.js';
import type { TemplateVariable } from './template.entity.js';

const NUMBER: TemplateVariable = { name: 'number', type: 'number', example: '1042' };
const CUSTOMER: TemplateVariable = { name: 'customer', type: 'text', example: 'Rudo' };

/** What every new merchant starts with, to be changed at will. */
export const DEFAULT_TEMPLATES: { name: string; content: TemplateText; variables: TemplateVariable[] }[] = [
  {
    name: 'order_confirmation',
    content: {
      header: 'Order #{{number}} is confirmed',
      body: 'Thank you, {{customer}}! Your order is confirmed. Total: {{total}}. We will tell you when it is on its way.',
    },
    variables: [NUMBER, CUSTOMER, { name: 'total', type: 'money', example: '$12.50' }],
  },
  {
    name: 'order_rejected',
    content: {
      header: 'Order #{{number}} could not be confirmed',
      body: 'We are sorry, {{customer}}: {{reason}}. Write "menu" to choose something else.',
    },
    variables: [NUMBER, CUSTOMER, { name: 'reason', type: 'text', example: 'Maize meal is sold out' }],
  },
  {
    name: 'order_update',
    content: { body: 'Order #{{number}}: {{status}}.' },
    variables: [NUMBER, { name: 'status', type: 'text', example: 'out for delivery' }],
  },
];
