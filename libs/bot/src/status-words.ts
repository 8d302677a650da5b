import { formatMoney, type Money } from '@soko/common';
import type { OrderStatus } from '@soko/contracts';

type Words = Record<OrderStatus, string>;

const WORDS: Record<string, Words> = {
  en: {
    pending: 'waiting for confirmation',
    confirmed: 'confirmed',
    rejected: 'rejected',
    preparing: 'preparing',
    out_for_delivery: 'out for delivery',
    delivered: 'delivered',
    cancelled: 'cancelled',
  },
  fr: {
    pending: 'en attente de confirmation',
    confirmed: 'confirmée',
    rejected: 'refusée',
    preparing: 'en préparation',
    out_for_delivery: 'en cours de livraison',
    delivered: 'livrée',
    cancelled: 'annulée',
  },
  ar: {
    pending: 'بانتظار التأكيد',
    confirmed: 'تم تأكيده',
    rejected: 'مرفوض',
    preparing: 'قيد التحضير',
    out_for_delivery: 'قيد التوصيل',
    delivered: 'تم توصيله',
    cancelled: 'ملغى',
  },
};

/** An order's status as a customer reads it; in English where we have no words of the language. */
export const statusWords = (status: OrderStatus, language: string): string =>
  (WORDS[language.split('-')[0]!] ?? WORDS.en!)[status];

type MoneyNews = 'lapsed' | 'refunded';
const MONEY: Record<string, Record<MoneyNews, (amount: string) => string>> = {
  en: {
    lapsed: () => 'not paid yet, so its goods are for sale again; if you pay today, you get what is still there',
    refunded: (amount) => `${amount} has gone back to you`,
  },
  fr: {
    lapsed: () => 'pas encore payée, ses articles sont remis en vente ; si vous payez aujourd’hui, vous recevez ce qui reste',
    refunded: (amount) => `${amount} vous ont été remboursés`,
  },
  ar: {
    lapsed: () => 'لم يُدفع بعد، لذلك عادت البضاعة إلى البيع؛ إذا دفعت اليوم تحصل على ما تبقّى',
    refunded: (amount) => `أُعيد إليك مبلغ ${amount}`,
  },
};

/** What has become of an order's money, as a customer reads it. */
export function paymentWords(news: MoneyNews, language: string, amount?: Money): string {
  const words = MONEY[language.split('-')[0]!] ?? MONEY.en!;
  return words[news](amount ? formatMoney(amount, language) : '');
}
