import { type Language, speakerOf, spokenFor } from './language.js';
import type { Message } from './messages/en.js';
import { staffAr } from './messages/staff-ar.js';
import { staffEn, type StaffMessageKey } from './messages/staff-en.js';
import { staffFr } from './messages/staff-fr.js';
import type { StaffData, StaffSpeaker } from './staff-turn.js';

export const STAFF_MESSAGES: Record<Language, Record<StaffMessageKey, Message>> = { en: staffEn, fr: staffFr, ar: staffAr };

/** In their own language, as far as we know it; else in the shop's. */
export const staffSpeaker = ({ spoken, locale }: Pick<StaffData, 'spoken' | 'locale'>): StaffSpeaker =>
  speakerOf(STAFF_MESSAGES, spoken?.code ?? spokenFor(locale), locale);
