/** `language` as BCP 47 writes it (`pt_BR` is understood too); undefined when it is no language. */
export function canonicalLanguage(language: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(language.replaceAll('_', '-'))[0];
  } catch {
    return undefined;
  }
}

/**
 * Where to look for a text, in this order, each once: every language of `wanted`, with and then without what makes it more special
 * (`zh-Hant-TW`, `zh-Hant`, `zh`). What is no language is passed over.
 */
export function languageChain(...wanted: (string | undefined)[]): string[] {
  const chain = wanted.flatMap((each) => {
    const parts = (each && canonicalLanguage(each)?.split('-')) || [];
    const ever = parts.map((_, at) => parts.slice(0, parts.length - at).join('-'));
    // `en-u` is what is left of an extension, and no language.
    return ever.filter((tag) => !/-[a-z0-9]$/i.test(tag));
  });
  return [...new Set(chain)];
}
