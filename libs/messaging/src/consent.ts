/** What a message says about consent. `cancel`: an opt-out, unless the customer means what is going on in the chat. */
export type ConsentWord = 'out' | 'in' | 'cancel';

/** https://developers.facebook.com/docs/whatsapp: the whole message, in any case. */
const WORDS: Record<string, ConsentWord> = {
  stop: 'out',
  unsubscribe: 'out',
  quit: 'out',
  end: 'out',
  cancel: 'cancel',
  start: 'in',
  unstop: 'in',
  subscribe: 'in',
};

/**
 * What a message's text says about consent. STOP, UNSUBSCRIBE, QUIT and END always opt out, whatever was being talked about. CANCEL
 * is also what people write to get out of an order: the bot, which knows whether there is one, decides (`answer` in libs/bot);
 * where no bot answers it opts out like the others. START is also what people write to begin; whoever is the first to write is asking to
 * be written to, and so it counts as an agreement.
 */
export const consentWord = (text: string): ConsentWord | undefined => {
  const word = text.trim().toLowerCase();
  return Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
};
