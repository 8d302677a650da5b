/** The providers there are, by their names. */
export const PROVIDER_SET = Symbol('payment providers');
