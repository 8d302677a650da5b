import type { TrackedStatus } from '@soko/deliveries';

/** What the page says, in one language. */
export interface Texts {
  order: (number: string) => string;
  steps: [preparing: string, way: string, delivered: string];
  headline: Record<TrackedStatus, string>;
  driverComes: (name: string) => string;
  away: (distance: string, minutes: string) => string;
  near: string;
  seen: (when: string) => string;
  now: string;
  noPosition: string;
  code: string;
  map: string;
  you: string;
  gone: { title: string; body: string };
}

const ENGLISH: Texts = {
  order: (number) => `Order #${number}`,
  steps: ['Preparing', 'On its way', 'Delivered'],
  headline: {
    waiting: 'Your order will be on its way soon.',
    in_transit: 'Your order is on its way.',
    delivered: 'Your order has been delivered. Enjoy!',
    failed: 'It could not be delivered this time. The shop will try again.',
    cancelled: 'This order was cancelled.',
  },
  driverComes: (name) => `${name} is on the way to you.`,
  away: (distance, minutes) => `About ${distance} away, about ${minutes}`,
  near: 'Almost there',
  seen: (when) => `Seen ${when}`,
  now: 'just now',
  noPosition: 'The driver’s position is not known yet.',
  code: 'Have the code from our message ready, and give it when you have your order.',
  map: 'Sketch of the way to you',
  you: 'You',
  gone: { title: 'This link has ended', body: 'Please ask the shop in your chat for the news of your order.' },
};

const FRENCH: Texts = {
  order: (number) => `Commande n° ${number}`,
  steps: ['En préparation', 'En route', 'Livrée'],
  headline: {
    waiting: 'Votre commande partira bientôt.',
    in_transit: 'Votre commande est en route.',
    delivered: 'Votre commande a été livrée. Bonne réception !',
    failed: 'La livraison n’a pas abouti cette fois. La boutique essaiera de nouveau.',
    cancelled: 'Cette commande a été annulée.',
  },
  driverComes: (name) => `${name} est en route vers vous.`,
  away: (distance, minutes) => `À environ ${distance}, environ ${minutes}`,
  near: 'Presque arrivé',
  seen: (when) => `Vu ${when}`,
  now: 'à l’instant',
  noPosition: 'La position du livreur n’est pas encore connue.',
  code: 'Gardez le code de notre message à portée de main, et donnez-le quand vous avez votre commande.',
  map: 'Croquis du chemin vers vous',
  you: 'Vous',
  gone: {
    title: 'Ce lien n’est plus valable',
    body: 'Demandez des nouvelles de votre commande à la boutique, dans votre discussion.',
  },
};

const ARABIC: Texts = {
  order: (number) => `الطلب رقم ${number}`,
  steps: ['قيد التحضير', 'في الطريق', 'تم التوصيل'],
  headline: {
    waiting: 'سينطلق طلبك قريبًا.',
    in_transit: 'طلبك في الطريق إليك.',
    delivered: 'تم توصيل طلبك. بالهناء!',
    failed: 'تعذّر التوصيل هذه المرة. سيحاول المتجر مرة أخرى.',
    cancelled: 'أُلغي هذا الطلب.',
  },
  driverComes: (name) => `${name} في الطريق إليك.`,
  away: (distance, minutes) => `على بعد ${distance} تقريبًا، نحو ${minutes}`,
  near: 'على وشك الوصول',
  seen: (when) => `شوهد ${when}`,
  now: 'الآن',
  noPosition: 'موقع السائق غير معروف بعد.',
  code: 'جهّز الرمز الموجود في رسالتنا، وأعطه عندما تستلم طلبك.',
  map: 'رسم تقريبي للطريق إليك',
  you: 'أنت',
  gone: { title: 'انتهت صلاحية هذا الرابط', body: 'اسأل المتجر في محادثتك عن أخبار طلبك.' },
};

const TEXTS = { en: ENGLISH, fr: FRENCH, ar: ARABIC };
export type PageLanguage = keyof typeof TEXTS;

export const textsOf = (language: PageLanguage): Texts => TEXTS[language];
export const directionOf = (language: PageLanguage): 'ltr' | 'rtl' => (language === 'ar' ? 'rtl' : 'ltr');

/** The first of our languages that the browser asks for, else the shop's own, else English. */
export function languageFor(acceptLanguage: string | undefined, locale = 'en'): PageLanguage {
  const asked = (acceptLanguage ?? '')
    .split(',')
    .slice(0, 20)
    .map((part) => {
      const [tag = '', quality] = part.trim().split(/;\s*q=/);
      return { tag, quality: quality === undefined ? 1 : Number(quality) };
    })
    .filter(({ quality }) => quality > 0)
    .toSorted((one, other) => other.quality - one.quality);
  const found = [...asked.map(({ tag }) => tag), locale].map((tag) => tag.split('-')[0]!.toLowerCase()).find(isOurs);
  return found ?? 'en';
}

const isOurs = (language: string): language is PageLanguage => Object.hasOwn(TEXTS, language);
