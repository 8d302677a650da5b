/** What a customer can want at any time. */
export type Intent =
  | 'menu'
  | 'cancel'
  | 'back'
  | 'human'
  | 'help'
  | 'cart'
  | 'checkout'
  | 'status'
  | 'reorder'
  | 'language'
  | 'english'
  | 'french'
  | 'arabic'
  | 'more'
  | 'yes'
  | 'no'
  | 'noOffers';

/** In every language at once: people mix them, and "menu" is menu in most. Written as `plain` leaves them: no case, no marks. */
const KEYWORDS: Record<Intent, string> = {
  menu: 'menu, start, hi, hello, hey, products, shop, catalog, catalogue, bonjour, bonsoir, salut, coucou, accueil, produits, boutique, salam, salaam, قايمه, القايمه, مرحبا, اهلا, سلام, السلام عليكم, المنتجات, ابدا, منيو',
  cancel: 'cancel, stop, quit, annuler, annule, arreter, الغاء, الغ, توقف',
  back: 'back, retour, رجوع, ارجع',
  human:
    'human, agent, person, operator, talk to a person, humain, personne, conseiller, parler a quelquun, انسان, موظف, شخص, التحدث مع شخص',
  help: 'help, aide, options, مساعده',
  cart: 'cart, basket, panier, سله, السله, سلتي',
  checkout: 'checkout, check out, order, buy, commander, اتمام الطلب, اطلب, شراء',
  status:
    'status, orders, my order, my orders, your orders, statut, commandes, mes commandes, ma commande, suivi, طلباتي, طلبي, حاله الطلب',
  reorder: 'reorder, order again, repeat, recommander, اعاده الطلب, كرر',
  language: 'language, languages, langue, langues, لغه, اللغه',
  english: 'english, anglais, الانجليزيه, انجليزي',
  french: 'francais, french, الفرنسيه, فرنسي',
  arabic: 'العربيه, عربي, arabic, arabe',
  more: 'more, next, plus, suivant, suite, المزيد, التالي',
  yes: 'yes, y, ok, okay, confirm, oui, daccord, confirmer, نعم, ايوه, تاكيد, موافق',
  no: 'no, n, non, لا',
  noOffers: 'unsubscribe, no more offers, plus doffres, ايقاف العروض',
};

/** Keyword, and what it means. */
export const INTENTS: ReadonlyMap<string, Intent> = new Map(
  Object.entries(KEYWORDS).flatMap(([intent, words]) => words.split(', ').map((word) => [word, intent as Intent] as const)),
);

/** One to twelve. */
const NUMBERS = [
  'one, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve',
  'un, deux, trois, quatre, cinq, six, sept, huit, neuf, dix, onze, douze',
  'واحد, اثنان, ثلاثه, اربعه, خمسه, سته, سبعه, ثمانيه, تسعه, عشره, احد عشر, اثنا عشر',
  'واحده, اثنين, ثلاث, اربع, خمس, ست, سبع, ثماني, تسع, عشر',
];
export const NUMBER_WORDS: ReadonlyMap<string, number> = new Map([
  ...NUMBERS.flatMap((row) => row.split(', ').map((word, index) => [word, index + 1] as const)),
  ['une', 1],
  ['zero', 0],
  ['صفر', 0],
]);

/** Words that say nothing of what is looked for. */
export const STOP_WORDS: ReadonlySet<string> = new Set(
  (
    'i we want would like need have please the a an of some do you any for and to buy get looking give me hi hello hey ' +
    'je nous veux voudrais cherche avez vous des de du la le les un une svp et pour bonjour salut ' +
    'اريد عندكم هل من فضلك في مرحبا السلام عليكم لو سمحت'
  ).split(' '),
);
