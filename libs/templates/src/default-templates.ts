import type { TemplateVariable, TextTemplate } from './template-content.js';

export interface DefaultTemplate {
  name: string;
  language: string;
  content: TextTemplate;
  variables: TemplateVariable[];
}

const text = (name: string, example: string, more: Partial<TemplateVariable> = {}): TemplateVariable => ({
  name,
  type: 'text',
  example,
  ...more,
});
/** A number, but none that is counted with: nobody writes #1,042. */
const NUMBER = text('number', '1042');
/** Four digits, the first of which may be 0. */
const CODE = text('code', '0482');
const PAGE: TemplateVariable = { name: 'link', type: 'url', example: 'https://pay.example.com/c/token' };
const LINK: TemplateVariable = { name: 'link', type: 'url', example: 'https://soko.example.com/track/token' };
const total = (example: string): TemplateVariable => ({ name: 'total', type: 'money', example });

interface Words {
  language: string;
  customer: TemplateVariable;
  welcome: TextTemplate;
  confirmation: TextTemplate;
  total: TemplateVariable;
  rejected: TextTemplate;
  reason: TemplateVariable;
  delivery: TextTemplate;
  started: TextTemplate;
  driver: TemplateVariable;
  payLink: TextTemplate;
  payTransfer: TextTemplate;
  instructions: TemplateVariable;
  update: TextTemplate;
  status: TemplateVariable;
}

const ENGLISH: Words = {
  language: 'en',
  customer: text('customer', 'Rudo', { default: 'dear customer' }),
  welcome: {
    header: 'Welcome to {{shop}}!',
    body: 'Hello {{customer}}! Write "menu" to see what we have, or ask us whatever you like.',
  },
  confirmation: {
    header: 'Order #{{number}} is confirmed',
    body: 'Thank you, {{customer}}! Your order is confirmed. Total: {{total}}. We will tell you when it is on its way.',
  },
  total: total('$12.50'),
  rejected: {
    header: 'Order #{{number}} could not be confirmed',
    body: 'We are sorry, {{customer}}: {{reason}}. Write "menu" to choose something else.',
  },
  reason: text('reason', 'Maize meal is sold out', { default: 'we cannot deliver it' }),
  delivery: { body: 'Hello {{customer}}, news of your order #{{number}}: {{status}}.' },
  started: {
    header: 'Order #{{number}} is on its way',
    body: 'Hello {{customer}}, {{driver}} has set out to you. When you have your order, and not before, give the code {{code}}. See where it is: {{link}}',
  },
  driver: text('driver', 'Tapiwa', { default: 'our driver' }),
  payLink: {
    header: 'Order #{{number}} is reserved for you',
    body: 'Thank you, {{customer}}! Please pay {{total}} here, and your order is confirmed: {{link}}',
  },
  payTransfer: {
    header: 'Order #{{number}} is reserved for you',
    body: 'Thank you, {{customer}}! Please transfer {{total}} to {{instructions}}. Your order is confirmed when the money has come.',
  },
  instructions: text('instructions', 'EcoCash 0771 234 567', { default: 'the account that we tell you' }),
  update: { body: 'Order #{{number}}: {{status}}.' },
  status: text('status', 'out for delivery'),
};

const FRENCH: Words = {
  language: 'fr',
  customer: text('customer', 'Rudo', { default: 'cher client' }),
  welcome: {
    header: 'Bienvenue chez {{shop}} !',
    body: 'Bonjour {{customer}} ! Écrivez « menu » pour voir ce que nous avons, ou posez-nous vos questions.',
  },
  confirmation: {
    header: 'La commande n° {{number}} est confirmée',
    body: 'Merci, {{customer}} ! Votre commande est confirmée. Total : {{total}}. Nous vous dirons quand elle sera en route.',
  },
  total: total('12,50 $US'),
  rejected: {
    header: 'La commande n° {{number}} n’a pas pu être confirmée',
    body: 'Nous sommes désolés, {{customer}} : {{reason}}. Écrivez « menu » pour choisir autre chose.',
  },
  reason: text('reason', 'la farine de maïs est épuisée', { default: 'nous ne pouvons pas la livrer' }),
  delivery: { body: 'Bonjour {{customer}}, des nouvelles de votre commande n° {{number}} : {{status}}.' },
  started: {
    header: 'La commande n° {{number}} est en route',
    body: 'Bonjour {{customer}}, {{driver}} est parti vers vous. Quand vous aurez votre commande, et pas avant, donnez le code {{code}}. Voir où elle est : {{link}}',
  },
  driver: text('driver', 'Tapiwa', { default: 'notre livreur' }),
  payLink: {
    header: 'La commande n° {{number}} vous est réservée',
    body: 'Merci, {{customer}} ! Payez {{total}} ici, et votre commande est confirmée : {{link}}',
  },
  payTransfer: {
    header: 'La commande n° {{number}} vous est réservée',
    body: 'Merci, {{customer}} ! Virez {{total}} à {{instructions}}. Votre commande est confirmée dès que l’argent est arrivé.',
  },
  instructions: text('instructions', 'EcoCash 0771 234 567', { default: 'le compte que nous vous indiquons' }),
  update: { body: 'Commande n° {{number}} : {{status}}.' },
  status: text('status', 'en cours de livraison'),
};

const ARABIC: Words = {
  language: 'ar',
  customer: text('customer', 'رودو', { default: 'عميلنا العزيز' }),
  welcome: {
    header: 'أهلًا بك في {{shop}}!',
    body: 'مرحبًا {{customer}}! اكتب "menu" لترى ما لدينا، أو اسألنا عمّا تشاء.',
  },
  confirmation: {
    header: 'تم تأكيد الطلب رقم {{number}}',
    body: 'شكرًا {{customer}}! تم تأكيد طلبك. الإجمالي: {{total}}. سنخبرك عندما يكون في الطريق إليك.',
  },
  total: total('١٢٫٥٠ US$'),
  rejected: {
    header: 'تعذّر تأكيد الطلب رقم {{number}}',
    body: 'نعتذر، {{customer}}: {{reason}}. اكتب "menu" لتختار شيئًا آخر.',
  },
  reason: text('reason', 'نفد دقيق الذرة', { default: 'لا يمكننا توصيله' }),
  delivery: { body: 'مرحبًا {{customer}}، أخبار طلبك رقم {{number}}: {{status}}.' },
  started: {
    header: 'الطلب رقم {{number}} في الطريق',
    body: 'مرحبًا {{customer}}، انطلق {{driver}} إليك. عندما تستلم طلبك، وليس قبل ذلك، أعطِ الرمز {{code}}. تابع الطريق: {{link}}',
  },
  driver: text('driver', 'تابيوا', { default: 'السائق' }),
  payLink: {
    header: 'الطلب رقم {{number}} محجوز لك',
    body: 'شكرًا {{customer}}! ادفع {{total}} من هنا ليتم تأكيد طلبك: {{link}}',
  },
  payTransfer: {
    header: 'الطلب رقم {{number}} محجوز لك',
    body: 'شكرًا {{customer}}! حوّل {{total}} إلى {{instructions}}. يتم تأكيد طلبك عند وصول المبلغ.',
  },
  instructions: text('instructions', 'EcoCash 0771 234 567', { default: 'الحساب الذي نخبرك به' }),
  update: { body: 'الطلب رقم {{number}}: {{status}}.' },
  status: text('status', 'قيد التوصيل'),
};

/** What every new merchant starts with, to be changed at will. @param shop the merchant's name, which stands there until another is given */
export const defaultTemplates = (shop: string): DefaultTemplate[] =>
  [ENGLISH, FRENCH, ARABIC].flatMap(({ language, customer, ...words }) => [
    { name: 'welcome', language, content: words.welcome, variables: [text('shop', 'Mbare Market', { default: shop }), customer] },
    { name: 'order_confirmation', language, content: words.confirmation, variables: [NUMBER, customer, words.total] },
    { name: 'order_rejected', language, content: words.rejected, variables: [NUMBER, customer, words.reason] },
    { name: 'delivery_update', language, content: words.delivery, variables: [NUMBER, customer, words.status] },
    {
      name: 'delivery_started',
      language,
      content: words.started,
      variables: [NUMBER, customer, words.driver, CODE, LINK],
    },
    { name: 'payment_link', language, content: words.payLink, variables: [NUMBER, customer, words.total, PAGE] },
    {
      name: 'payment_transfer',
      language,
      content: words.payTransfer,
      variables: [NUMBER, customer, words.total, words.instructions],
    },
    { name: 'order_update', language, content: words.update, variables: [NUMBER, words.status] },
  ]);
