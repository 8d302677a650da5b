/**
 * Of the chat called `h`: a person has it, and not only for a time that is over. Nothing rings when it is: whoever looks, sees.
 */
export const PAUSED = '(h.bot_paused AND coalesce(h.bot_paused_until > now(), true))';
