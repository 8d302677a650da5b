/** How WhatsApp knows a person: not always by number. At least one is there. */
export interface ContactAddress {
  /** E.164. */
  phone?: string;
  /** The hidden id of WhatsApp Web, digits only. */
  lid?: string;
  /** The user id of the Cloud API, for example `US.123`. */
  userId?: string;
}
